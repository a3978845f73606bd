package post

// A file on its way into a draft: it is read in from its beginning, and each piece is sealed and kept as soon as it is full, so that no more than one is in
// memory. What is signed later is the digest over exactly these bytes, and the root over exactly these pieces.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// PieceStore keeps sealed pieces of attachments: see package pieces.
type PieceStore interface {
	Put(ctx context.Context, d pieces.Digest, sealed []byte) error
	Get(ctx context.Context, d pieces.Digest) ([]byte, error)
	Delete(ctx context.Context, d pieces.Digest) error
	Each(ctx context.Context, fn func(d pieces.Digest, at time.Time) error) error
	Own(ctx context.Context, who string) error
}

// errNoPieces says that this process has no place for pieces.
var errNoPieces = errors.New("this post has no place for pieces of attachments")

// maxLoading is how many files are read in at the same time.
const maxLoading = 8

// loading is a file that is being read in.
type loading struct {
	mu      sync.Mutex // guards what follows
	is      telegram.Attachment
	key     *seal.AttachmentKey
	digest  digester
	rest    []byte          // read and not sealed yet, at most a piece
	at      int64           // bytes read
	kept    []pieces.Digest // of the pieces so far
	touched time.Time
}

// digester makes a digest of what is written to it.
type digester interface {
	io.Writer
	Sum(b []byte) []byte
}

// unnamed stands for the name of a file until a draft gives it one.
const unnamed = "file"

// BeginAttachment begins to read in a file of so many bytes, and gives its number at this post.
func (p *Post) BeginAttachment(ctx context.Context, mediaType string, length int64) (id int64, err error) {
	if p.config.Pieces == nil {
		return 0, errNoPieces
	}
	l := &loading{is: telegram.Attachment{Name: unnamed, Type: mediaType, Length: length}, touched: time.Now(), kept: make([]pieces.Digest, 0, telegram.Pieces(max(min(length, telegram.MaxAttachment), 0)))}
	rand.Read(l.is.Secret[:])
	if l.key, err = seal.NewAttachmentKey(l.is.Secret, max(min(length, telegram.MaxAttachment), 0)); err != nil {
		return 0, err
	}
	l.digest = l.key.Digest()
	if _, err := telegram.ParseAttachment(l.is.Marshal()); err != nil {
		return 0, fmt.Errorf("the file cannot be attached: %w", err)
	}
	if err := p.mayLoad(); err != nil {
		return 0, err
	}
	err = p.db.Write(ctx, func(tx *store.Tx) (err error) {
		if id, err = pieces.NextID(tx); err != nil {
			return err
		}
		return pieces.Add(tx, pieces.Attached{ID: id, Post: p.config.Name, Body: p.keys.Rest.Seal(pieces.Place(id), l.is.Marshal()),
			Pieces: telegram.Pieces(length), State: pieces.Loading, Changed: p.config.Now()})
	})
	if err != nil {
		return 0, err
	}
	p.loadsMu.Lock()
	defer p.loadsMu.Unlock()
	p.loads[id] = l
	return id, nil
}

// mayLoad says whether another file may be read in. One that nobody goes on with for an hour gives its place up.
func (p *Post) mayLoad() error {
	p.loadsMu.Lock()
	defer p.loadsMu.Unlock()
	for id, l := range p.loads {
		if l.mu.TryLock() {
			if time.Since(l.touched) > time.Hour {
				delete(p.loads, id)
			}
			l.mu.Unlock()
		}
	}
	if len(p.loads) >= maxLoading {
		return fmt.Errorf("%d files are being attached at this post already: wait until one of them is done", len(p.loads))
	}
	return nil
}

func (p *Post) loadingOf(id int64) (*loading, error) {
	p.loadsMu.Lock()
	defer p.loadsMu.Unlock()
	if l := p.loads[id]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("file %d is not being read in, or the post was started anew since: attach it again", id)
}

// LoadAttachment reads in the next bytes of a file. What was read in before is passed over, so a call may be made again.
func (p *Post) LoadAttachment(ctx context.Context, id, offset int64, data []byte) error {
	l, err := p.loadingOf(id)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.touched = time.Now()
	if offset < 0 || offset > l.at {
		return fmt.Errorf("file %d was read in to byte %d, and not to %d", id, l.at, offset)
	}
	if data = data[min(l.at-offset, int64(len(data))):]; len(data) == 0 {
		return nil
	}
	if l.at+int64(len(data)) > l.is.Length {
		return errChanged
	}
	all := append(l.rest[:len(l.rest):len(l.rest)], data...)
	first, n := len(l.kept), 0
	for (n+1)*telegram.PieceSize <= len(all) && first+n < telegram.Pieces(l.is.Length)-1 {
		n++
	}
	kept := make([]pieces.Digest, n)
	errs := make([]error, n)
	abreast(n, func(i int) {
		kept[i], errs[i] = p.keepOwn(ctx, l.key, first+i, all[i*telegram.PieceSize:][:telegram.PieceSize])
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.digest.Write(data)
	l.at, l.kept = l.at+int64(len(data)), append(l.kept, kept...)
	l.rest = append(make([]byte, 0, telegram.PieceSize), all[n*telegram.PieceSize:]...)
	return nil
}

// abreast runs fn for 0 to n-1 at the same time: what waits for a disk, or an object store, waits for all at once.
func abreast(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// errChanged says that a file is not the one that was begun with.
var errChanged = errors.New("the file was changed while it was read: attach it again")

// keepOwn seals and keeps one piece.
func (p *Post) keepOwn(ctx context.Context, key *seal.AttachmentKey, i int, data []byte) (d pieces.Digest, err error) {
	sealed, err := key.Seal(i, data)
	if err != nil {
		return d, err
	}
	d = pieces.DigestOf(sealed)
	return d, p.config.Pieces.Put(ctx, d, sealed)
}

// EndAttachment says that all of a file was read in, and gives what a telegram will say of it. From here on a draft can have it. It may be called
// again when it failed.
func (p *Post) EndAttachment(ctx context.Context, id int64) (*telegram.Attachment, error) {
	l, err := p.loadingOf(id)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.touched = time.Now()
	if l.at != l.is.Length {
		return nil, errChanged
	}
	if n := telegram.Pieces(l.is.Length); len(l.kept) < n {
		last, err := p.keepOwn(ctx, l.key, n-1, l.rest)
		if err != nil {
			return nil, err
		}
		l.kept, l.rest = append(l.kept, last), nil
	}
	l.is.Digest = [32]byte(l.digest.Sum(nil))
	tree, err := treeOf(l.kept)
	if err != nil {
		return nil, err
	}
	if l.is.Root, err = tree.Root(); err != nil {
		return nil, err
	}
	body := p.keys.Rest.Seal(pieces.Place(id), l.is.Marshal())
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		// A commit that was kept and reported failed is found done.
		if a, err := pieces.Get(tx, id); err != nil || a.State == pieces.Checked {
			return err
		}
		return pieces.Loaded(tx, id, body, l.kept, p.config.Now())
	})
	if err != nil {
		return nil, fmt.Errorf("attaching the file: %w", err)
	}
	p.forgetLoading(id)
	return &l.is, nil
}

func treeOf(ds []pieces.Digest) (*telegram.PieceTree, error) {
	return telegram.NewPieceTree(len(ds), func(i int) [32]byte { return ds[i] })
}

func (p *Post) forgetLoading(id int64) {
	p.loadsMu.Lock()
	defer p.loadsMu.Unlock()
	delete(p.loads, id)
}

// AbandonAttachment forgets a file that no draft has, whether all of it was read in or not. What remains of it on the disk is swept later.
func (p *Post) AbandonAttachment(ctx context.Context, id int64) error {
	p.forgetLoading(id)
	var ds []pieces.Digest
	err := p.db.Write(ctx, func(tx *store.Tx) (err error) {
		ds, err = pieces.Remove(tx, id, p.config.Now())
		return err
	})
	if err == nil {
		p.deletePieces(ctx, ds)
	}
	return err
}

// deletePieces deletes pieces that nothing has any more. What cannot be deleted is swept later.
func (p *Post) deletePieces(ctx context.Context, ds []pieces.Digest) {
	for _, d := range ds {
		if err := p.config.Pieces.Delete(ctx, d); err != nil && ctx.Err() == nil {
			p.config.Log.Warn("a piece that nothing has could not be deleted; it is tried again in a day", "piece", d.String(), "reason", err)
			return
		}
	}
}

// attachTo gives a telegram the attachments that its draft names.
func (p *Post) attachTo(t *telegram.Telegram, form *desk.Form) error {
	if len(form.Attach) > 0 {
		return fmt.Errorf("%q is not read in yet: draft it with  chancery draft  on the machine that has the file", form.Attach[0].Path)
	}
	if len(form.Attached) == 0 {
		return nil
	}
	return p.db.Read(context.Background(), func(tx *store.Tx) error { return p.attachToIn(tx, t, form) })
}

func (p *Post) attachToIn(tx *store.Tx, t *telegram.Telegram, form *desk.Form) error {
	t.Attachments = nil
	for _, x := range form.Attached {
		row, err := pieces.Get(tx, x.ID)
		if errors.Is(err, pieces.ErrUnknown) || err == nil && (row.Post != p.config.Name || row.State != pieces.Checked) {
			return fmt.Errorf("file %d (%s) is no file that was read in here: attach it again", x.ID, x.Name)
		}
		if err != nil {
			return err
		}
		a, err := p.openAttached(row)
		if err != nil {
			return err
		}
		a.Name = x.Name
		t.Attachments = append(t.Attachments, *a)
	}
	return nil
}

// openAttached opens what is kept of an attachment.
func (p *Post) openAttached(row *pieces.Attached) (*telegram.Attachment, error) {
	b, err := p.keys.Rest.Open(pieces.Place(row.ID), row.Body)
	if err != nil {
		return nil, err
	}
	a, err := telegram.ParseAttachment(b)
	return &a, err
}

func attachedIDs(form *desk.Form) (ids []int64) {
	for _, x := range form.Attached {
		ids = append(ids, x.ID)
	}
	return ids
}

// proveAttached proves of every attachment of a draft, from what lies on the disk, that its pieces make exactly the file of which the telegram speaks.
func (p *Post) proveAttached(ctx context.Context, form *desk.Form, t *telegram.Telegram) error {
	for i, x := range form.Attached {
		lost, err := p.prove(ctx, x.ID, &t.Attachments[i])
		if err == nil && len(lost) > 0 {
			err = fmt.Errorf("%d of its pieces are gone or damaged", len(lost))
		}
		if err != nil {
			return fmt.Errorf("the attachment %q cannot be sent: %w. Attach it again", t.Attachments[i].Name, err)
		}
	}
	return nil
}

// errNotTheFile says that pieces are whole and make another file than was said.
var errNotTheFile = errors.New("its pieces do not make the file that was signed")

// prove reads all pieces of an attachment and proves that they are those under its root and make the file of its digest. lost are the places of
// pieces that are gone or damaged; with any, nothing is said of the file.
func (p *Post) prove(ctx context.Context, id int64, a *telegram.Attachment) (lost []int, err error) {
	if p.config.Pieces == nil {
		return nil, errNoPieces
	}
	n := telegram.Pieces(a.Length)
	var ds []pieces.Digest
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { ds, err = pieces.Digests(tx, id, n); return err }); err != nil {
		return nil, err
	}
	key, err := seal.NewAttachmentKey(a.Secret, a.Length)
	if err != nil {
		return nil, err
	}
	digest := key.Digest()
	for i, d := range ds {
		if d == (pieces.Digest{}) {
			lost = append(lost, i)
			continue
		}
		sealed, err := p.config.Pieces.Get(ctx, d)
		if errors.Is(err, pieces.ErrNone) || errors.Is(err, pieces.ErrDamaged) {
			lost = append(lost, i)
			continue
		}
		if err != nil {
			return nil, err
		}
		data, err := key.Open(i, sealed)
		if err != nil {
			return nil, fmt.Errorf("%w: piece %d: %w", errNotTheFile, i+1, err)
		}
		digest.Write(data)
	}
	if len(lost) > 0 {
		return lost, nil
	}
	tree, err := treeOf(ds)
	if err != nil {
		return nil, err
	}
	if root, err := tree.Root(); err != nil || root != a.Root {
		return nil, errors.Join(fmt.Errorf("%w: they are other pieces", errNotTheFile), err)
	}
	if [32]byte(digest.Sum(nil)) != a.Digest {
		return nil, fmt.Errorf("%w: its digest is another", errNotTheFile)
	}
	return nil, nil
}
