package post

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

var errNoTimes = errors.New("the directory by which it could be judged is gone")

// VerifyRegister proves the post's register from the database alone: see [register.Verify]. Every entry is made again from what is filed
// for it, with the signatures of the people and posts checked.
func (p *Post) VerifyRegister(ctx context.Context, progress func(done, of int64)) (report *register.Report, err error) {
	v, err := p.current()
	if err != nil && !errors.Is(err, ErrNoDirectory) { // before the first directory there are notes only
		return nil, err
	}
	verifiers, err := p.registerVerifiers()
	if err != nil {
		return nil, err
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		times, err := p.history(tx, v)
		if err != nil {
			return err
		}
		opened := &ahead{p: p, tx: tx, times: times, of: map[int64]*openedEntry{}}
		report, err = register.Verify(tx, p.origin(), verifiers, func(row register.Row) ([]byte, []register.Taken, error) {
			v, err := times.at(row.Index)
			if err != nil {
				return nil, nil, err
			}
			return p.remake(tx, v, opened, row)
		}, progress)
		return err
	})
	return report, err
}

// remake makes an entry again from what is filed for it, and says which numbers it took.
func (p *Post) remake(tx *store.Tx, v *view, opened *ahead, row register.Row) ([]byte, []register.Taken, error) {
	if v == nil && row.Kind != telegram.EntryContinued {
		return nil, nil, errNoTimes
	}
	switch row.Kind {
	case telegram.EntryOut, telegram.EntryIn, telegram.EntryBriefIn:
		leaf, taken, err := p.remakeTelegram(tx, opened.entry(row), row)
		if err == nil {
			err = p.compareFilings(tx, row.Of)
		}
		return leaf, taken, err
	}
	b, err := p.keys.Rest.Open(register.Place(row.Index), row.Said)
	if err != nil || len(b) < 32 {
		return nil, nil, fmt.Errorf("what it says cannot be opened: %w", err)
	}
	said := b[32:]
	leaf := telegram.NoteEntry(row.Kind, [32]byte(b), said)
	taken, err := p.readNote(tx, v, row, said)
	return leaf, taken, err
}

// openedEntry is the telegram of an entry, opened and looked at by itself.
type openedEntry struct {
	f               *archive.Filed
	r               *telegram.Registered
	draftRoot, root telegram.Root
	err             error // why it is not what was entered
}

// ahead opens the telegrams of the entries that come next, a few at a time and on all processors: making their roots and checking the signatures is most
// of the work of verifying. What it reads, it reads in the order of the register.
type ahead struct {
	p     *Post
	tx    *store.Tx
	times *history
	of    map[int64]*openedEntry
}

// entry gives the telegram of an entry, and opens those after it, too, if it was not opened yet.
func (a *ahead) entry(row register.Row) *openedEntry {
	if x, ok := a.of[row.Index]; ok {
		delete(a.of, row.Index)
		return x
	}
	clear(a.of)
	rows := append([]register.Row{row}, a.next(row.Index)...)
	views, opened := make([]*view, len(rows)), make([]*openedEntry, len(rows))
	for i, r := range rows {
		x := &openedEntry{}
		if views[i], x.err = a.times.at(r.Index); x.err == nil && views[i] == nil {
			x.err = errNoTimes
		}
		if x.err == nil {
			x.f, x.err = archive.Get(a.tx, r.Of)
		}
		opened[i], a.of[r.Index] = x, x
	}
	parallel(len(rows), func(i int) {
		if opened[i].err == nil {
			opened[i].err = opened[i].open(a.p, views[i], rows[i].Kind)
		}
	})
	delete(a.of, row.Index)
	return opened[0]
}

// next lists the entries of telegrams behind one. What cannot be read now is read again, and its fault told, when its turn comes.
func (a *ahead) next(index int64) (out []register.Row) {
	rows, err := a.tx.Query("select idx, kind, of from entry where idx > $1 and kind in ($2, $3, $4) and of is not null order by idx limit $5",
		index, int64(telegram.EntryOut), int64(telegram.EntryIn), int64(telegram.EntryBriefIn), 2*runtime.GOMAXPROCS(0)-1)
	if err != nil {
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var r register.Row
		if rows.Scan(&r.Index, &r.Kind, &r.Of) != nil {
			return out
		}
		out = append(out, r)
	}
	return out
}

// open is what needs no database.
func (x *openedEntry) open(p *Post, v *view, kind telegram.EntryKind) (err error) {
	if x.r, err = p.openFiled(x.f); err != nil {
		return err
	}
	x.draftRoot, x.root = x.r.Telegram.Roots()
	if x.root != x.f.Root {
		return errors.New("it is filed under another R than its own")
	}
	check := func() error { return v.checkReceived(x.r, x.draftRoot, x.root) }
	if kind != telegram.EntryBriefIn { // all signatures were there when it was entered
		check = func() error { return v.checkRelease(x.r.Telegram, &x.r.Signatures, x.draftRoot, x.root) }
	}
	if err := check(); err != nil {
		return err
	}
	return v.mayRelease(x.r.Telegram, x.r.Telegram.From.Post)
}

func (p *Post) remakeTelegram(tx *store.Tx, x *openedEntry, row register.Row) ([]byte, []register.Taken, error) {
	if x.err != nil {
		return nil, nil, x.err
	}
	f, r, draftRoot, root := x.f, x.r, x.draftRoot, x.root
	for _, x := range []telegram.Root{draftRoot, root} {
		if of, known, err := register.Known(tx, x); err != nil || !known || of != f.ID {
			return nil, nil, errors.Join(errors.New("its R or D is not remembered, so it could be taken twice"), err)
		}
	}
	if err := p.compareCopies(tx, f.ID); err != nil {
		return nil, nil, err
	}
	if err := p.compareAttached(tx, f, r.Telegram); err != nil {
		return nil, nil, err
	}
	at := time.Unix(f.At, 0)
	if row.Kind != telegram.EntryOut {
		if f.Way != archive.In || r.Numbers.SerialFor(p.config.Name) != f.Serial || r.Telegram.From.Post != f.Post {
			return nil, nil, errors.New("it is filed under another sender or serial than its own")
		}
		return p.entryOf(row.Kind, f, r, root), []register.Taken{taken(seriesIncoming(at), f.Number)}, nil
	}
	if f.Way != archive.Out || f.Number != r.Numbers.Register || f.Year != int(r.Numbers.Year) {
		return nil, nil, errors.New("it is filed under another number than it took")
	}
	return p.remakeOut(tx, r, root, row)
}

// remakeOut also holds the outbox against the telegram.
func (p *Post) remakeOut(tx *store.Tx, r *telegram.Registered, root telegram.Root, row register.Row) ([]byte, []register.Taken, error) {
	leaf := r.OutEntry(root, &r.Numbers)
	all := []register.Taken{taken(seriesRegister(time.Unix(r.Numbers.Registered, 0)), r.Numbers.Register)}
	for _, s := range r.Numbers.Serials {
		all = append(all, taken(seriesSerial(s.Post), s.Number))
		precedence, _ := r.Telegram.PrecedenceFor(s.Post)
		d, err := circuit.DeliveryOf(tx, s.Post, s.Number)
		if err != nil {
			return nil, nil, err
		}
		if d == nil || d.Of != row.Of || d.Root != root || d.Entry != telegram.EntryHash(leaf) || d.Precedence != precedence {
			return leaf, all, fmt.Errorf("the outbox does not have it for %s as serial %s", s.Post, telegram.NumberText(s.Number))
		}
		if err := p.compareDelivery(tx, d); err != nil {
			return leaf, all, fmt.Errorf("the outbox for %s, serial %s: %w", s.Post, telegram.NumberText(s.Number), err)
		}
	}
	return leaf, all, nil
}

// compareDelivery holds how far a telegram has come against the record of the wire and the receipt: a telegram that only seems to have left
// or to have been signed for would never be carried again.
func (p *Post) compareDelivery(tx *store.Tx, d *circuit.Delivery) error {
	wire, err := circuit.OnTheWire(tx, d.Post, d.Serial)
	if err != nil {
		return err
	}
	if err := p.compareAnew(tx, d, wire); err != nil {
		return err
	}
	wire = slices.DeleteFunc(wire, func(s circuit.Section) bool { return s.Superseded > 0 })
	if len(wire) != d.Sealed || d.Sealed > d.Sections {
		return fmt.Errorf("it has %d of %d sections as sealed, the record of the wire has %d", d.Sealed, d.Sections, len(wire))
	}
	for _, s := range wire {
		if s.Envelope == nil && d.Receipted.IsZero() {
			return fmt.Errorf("the envelope of special number %d is gone, and there is no receipt", s.Special)
		}
	}
	if d.Receipted.IsZero() {
		return nil
	}
	said, err := p.said(tx, d.Receipt, telegram.EntryReceipt)
	if err != nil || d.Receipt < d.Anew {
		return fmt.Errorf("it has a receipt, and the register has none in entry %d", d.Receipt)
	}
	s, err := telegram.ParseService(said)
	if err != nil {
		return err
	}
	r, err := telegram.ParseReceipt(s.Statement)
	if err != nil {
		return err
	}
	return signedFor(r, d)
}

// said opens what a note in the register says.
func (p *Post) said(tx *store.Tx, idx int64, kind telegram.EntryKind) (said []byte, err error) {
	err = tx.QueryRow("select said from entry where idx = $1 and kind = $2", idx, int64(kind)).Scan(&said)
	if err == nil {
		said, err = p.keys.Rest.Open(register.Place(idx), said)
	}
	if err == nil && len(said) < 32 {
		err = errors.New("it is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("entry %d of the register: %w", idx, err)
	}
	return said[32:], nil
}

// signedFor says whether a receipt is for what was sent.
func signedFor(r *telegram.Receipt, d *circuit.Delivery) error {
	for _, i := range r.Items {
		if r.To == d.Post && i.Serial == d.Serial && d.Signed(i.Root, i.Entry) {
			return nil
		}
	}
	return errors.New("the receipt is for something else")
}

// compareReceipt holds a receipt that was entered against the outbox. One that was followed by a repeat request counts no more.
func (p *Post) compareReceipt(tx *store.Tx, r *telegram.Receipt, entry int64) error {
	for _, i := range r.Items {
		d, err := circuit.DeliveryOf(tx, r.To, i.Serial)
		if err != nil {
			return err
		}
		if d != nil && d.Signed(i.Root, i.Entry) && d.Receipted.IsZero() && d.Anew < entry {
			return fmt.Errorf("%s signed for serial %s, and the outbox does not have it so", r.To, telegram.NumberText(i.Serial))
		}
	}
	return nil
}

// readNote says which numbers a note took, and holds what it says against the tables.
func (p *Post) readNote(tx *store.Tx, v *view, row register.Row, said []byte) ([]register.Taken, error) {
	switch row.Kind {
	case telegram.EntryContinued:
		series := map[string]uint32{}
		if err := json.Unmarshal(said, &series); err != nil {
			return nil, err
		}
		var taken []register.Taken
		for _, name := range slices.Sorted(maps.Keys(series)) {
			taken = append(taken, register.Taken{Series: name, Number: series[name], Base: true})
		}
		return taken, nil
	case telegram.EntryDirectory:
		var a adoption
		if err := json.Unmarshal(said, &a); err != nil {
			return nil, err
		}
		if a != adoptionOf(v.dir) {
			return nil, fmt.Errorf("the directory adopted then, of %d statements, is not the one that is kept", max(a.Size, a.Total))
		}
		return nil, nil
	case telegram.EntrySent:
		return p.readSent(tx, said)
	case telegram.EntryReceipt:
		r, err := v.readReceipt(p.config.Name, said)
		if err != nil {
			return nil, err
		}
		return nil, p.compareReceipt(tx, r, row.Index)
	case telegram.EntryAsked:
		return nil, p.readAsked(tx, v, row, said)
	case telegram.EntryCopy:
		return nil, p.readCopyNote(tx, row.Index, said)
	case telegram.EntryCover:
		return nil, p.readCoverNote(tx, row.Index, said)
	case telegram.EntryFiled:
		return nil, p.readFiled(tx, row, said)
	}
	return nil, fmt.Errorf("an entry of unknown kind: this program is older than the register")
}

// readSent holds the record of the wire against what was entered when the section was sealed.
func (p *Post) readSent(tx *store.Tx, said []byte) ([]register.Taken, error) {
	var x sent
	if err := json.Unmarshal(said, &x); err != nil {
		return nil, err
	}
	precedence := telegram.Precedence(x.Precedence)
	taken := []register.Taken{{Series: seriesSpecial(x.Post), Number: x.Special}, {Series: seriesLane(x.Post, x.Circuit, precedence), Number: x.Lane}}
	s, ok, err := circuit.BySpecial(tx, x.Post, x.Special)
	if err != nil {
		return nil, err
	}
	if !ok || s.Circuit != x.Circuit || s.Lane != x.Lane || s.Precedence != precedence || s.Serial != x.Serial || s.I != x.I || s.N != x.N ||
		hex.EncodeToString(s.ID[:]) != x.ID || s.Size != x.Size {
		return taken, fmt.Errorf("the record of the wire does not have special number %d for %s as it was sealed", x.Special, x.Post)
	}
	if h := sha256.Sum256(s.Envelope); s.Envelope != nil && hex.EncodeToString(h[:]) != x.Envelope {
		return taken, fmt.Errorf("the envelope kept for special number %d for %s was changed", x.Special, x.Post)
	}
	return taken, nil
}

// readReceipt reads a receipt that was entered, and checks its signature.
func (v *view) readReceipt(self string, said []byte) (*telegram.Receipt, error) {
	s, err := telegram.ParseService(said)
	if err != nil {
		return nil, err
	}
	r, err := telegram.ParseReceipt(s.Statement)
	if err != nil {
		return nil, err
	}
	key := v.identity(r.To)
	if key == nil || r.From != self || !key.Verify(telegram.LabelReceipt, s.Statement, s.Ed, s.PQ) {
		return nil, fmt.Errorf("the receipt of %s does not hold", r.To)
	}
	return r, nil
}

func (p *Post) openFiled(f *archive.Filed) (*telegram.Registered, error) {
	raw, err := p.keys.Rest.Open(archive.Place(f.ID), f.Body)
	if err != nil {
		return nil, err
	}
	return telegram.ParseEither(raw)
}

// filed reads and opens a telegram by the post's own number; year 0 means the year it is now.
func (p *Post) filed(ctx context.Context, way archive.Way, year int, number uint32) (f *archive.Filed, r *telegram.Registered, err error) {
	if year == 0 {
		year = p.config.Now().UTC().Year()
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		f, err = archive.ByNumber(tx, way, year, number)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("number %s of %d (%s): %w", telegram.NumberText(number), year, way, err)
	}
	r, err = p.openFiled(f)
	return f, r, err
}

// Prove gives what proves to anybody that a telegram is entered in this post's register: a C2SP tlog-proof, see register.ProofOf. Year 0 is this year.
func (p *Post) Prove(ctx context.Context, way archive.Way, year int, number uint32) (proof string, err error) {
	f, _, err := p.filed(ctx, way, year, number)
	if err != nil {
		return "", err
	}
	verifiers, err := p.registerVerifiers()
	if err != nil {
		return "", err
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		proof, err = register.ProofOf(tx, f.ID, p.origin(), verifiers)
		return err
	})
	return proof, err
}
