package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// What is asked of a post about attachments goes in small parts, so that neither the command nor the post has a file in memory.

type (
	attachBegin struct {
		Type   string `json:"media_type"`
		Length int64  `json:"length"`
	}
	attachFile struct {
		ID int64 `json:"file"`
	}
	attachPart struct {
		ID     int64  `json:"file"`
		Offset int64  `json:"offset"`
		Data   []byte `json:"data"`
	}
	attachEnd struct {
		Says []byte `json:"says"` // telegram.Attachment as written
	}
	attachRead struct {
		ID    int64 `json:"file"`
		Piece int   `json:"piece"`
	}
	attachData struct {
		Data []byte `json:"data"`
	}
)

// attachedAtOnce is how many bytes of a file go to the post at once.
const attachedAtOnce = 2 * telegram.PieceSize

func attachmentActs(p *post.Post) map[string]act {
	return map[string]act{
		"attach-begin": does(func(ctx context.Context, in attachBegin) (any, error) {
			id, err := p.BeginAttachment(ctx, in.Type, in.Length)
			return attachFile{id}, err
		}),
		"attach-part": does(func(ctx context.Context, in attachPart) (any, error) {
			return none{}, p.LoadAttachment(ctx, in.ID, in.Offset, in.Data)
		}),
		"attach-end": does(func(ctx context.Context, in attachFile) (any, error) {
			a, err := p.EndAttachment(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return attachEnd{a.Marshal()}, nil
		}),
		"attach-abandon": does(func(ctx context.Context, in attachFile) (any, error) { return none{}, p.AbandonAttachment(ctx, in.ID) }),
		"attachment":     does(func(ctx context.Context, in post.AttachmentWanted) (any, error) { return p.FindAttachment(ctx, in) }),
		"attachments":    does(func(ctx context.Context, in post.AttachmentWanted) (any, error) { return p.ListAttachments(ctx, in) }),
		"attachment-read": does(func(ctx context.Context, in attachRead) (any, error) {
			b, err := p.ReadAttachment(ctx, in.ID, in.Piece)
			return attachData{b}, err
		}),
		"attachment-fetch":     does(func(ctx context.Context, in post.AttachmentWanted) (any, error) { return p.FetchAttachment(ctx, in) }),
		"attachment-drop":      does(func(ctx context.Context, in post.AttachmentWanted) (any, error) { return p.DropAttachment(ctx, in) }),
		"register-attachments": does(func(ctx context.Context, _ none) (any, error) { return p.VerifyAttachments(ctx, nil) }),
	}
}

// toAttach is a file of this machine that a draft attaches.
type toAttach struct {
	path, name string
	length     int64
}

// readDraft reads a draft's form, with the files that it attaches and those of --attach. Paths in a form start from the folder of its file.
func (a *app) readDraft(file string, more []string) (*desk.Form, []toAttach, error) {
	b, err := a.input(file, desk.MaxForm)
	if err != nil {
		return nil, nil, err
	}
	f, err := desk.ParseForm(bytes.NewReader(b))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	attach := f.Attach
	f.Attach = nil
	for i, x := range attach {
		if file != "-" && !filepath.IsAbs(x.Path) {
			attach[i].Path = filepath.Join(filepath.Dir(file), x.Path)
		}
	}
	attach = append(attach, attachFlags(more)...)
	if n := len(attach) + len(f.Attached); n > telegram.MaxAttachments {
		return nil, nil, fmt.Errorf("%d attachments: at most %d are possible", n, telegram.MaxAttachments)
	}
	files, err := lookAtFiles(attach)
	return f, files, err
}

// attachFlags reads what --attach names: a file, or  file as name.
func attachFlags(flags []string) (attach []desk.Attach) {
	for _, s := range flags {
		x := desk.Attach{Path: s}
		if i := strings.LastIndex(s, " as "); i > 0 {
			x.Path, x.Name = strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+4:])
		}
		attach = append(attach, x)
	}
	return attach
}

// lookAtFiles refuses what could not be attached before anything of it goes to the post.
func lookAtFiles(attach []desk.Attach) (files []toAttach, err error) {
	for _, x := range attach {
		s, err := os.Stat(x.Path)
		if err != nil {
			return nil, err
		}
		if !s.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no file that could be attached: pack a folder into one first", x.Path)
		}
		if s.Size() > telegram.MaxAttachment {
			return nil, fmt.Errorf("%s has %d bytes, and an attachment at most %d: send it in parts", x.Path, s.Size(), telegram.MaxAttachment)
		}
		if x.Name == "" {
			x.Name = filepath.Base(x.Path)
		}
		if err := telegram.CheckAttachmentName(x.Name); err != nil {
			return nil, fmt.Errorf("%s: %w. Give it another:  Attach: %s as NAME", x.Path, err, x.Path)
		}
		files = append(files, toAttach{x.Path, x.Name, s.Size()})
	}
	return files, nil
}

// attachFiles has the post read files in, and names them in the form. undo forgets them again.
func (a *app) attachFiles(ctx context.Context, o office, f *desk.Form, files []toAttach) (undo func(), err error) {
	var ids []int64
	undo = func() {
		for _, id := range ids {
			_ = o.do(context.WithoutCancel(ctx), "attach-abandon", attachFile{id}, &none{}) // what remains is swept after a day
		}
	}
	for _, x := range files {
		id, err := a.attachOne(ctx, o, &x)
		if id != 0 {
			ids = append(ids, id)
		}
		if err != nil {
			undo()
			return nil, fmt.Errorf("attaching %s: %w", x.path, err)
		}
		f.Attached = append(f.Attached, desk.Attached{ID: id, Name: x.name})
	}
	return undo, nil
}

// attachOne has the post read one file in, part by part, and proves that what it will say of it is true of exactly this file.
func (a *app) attachOne(ctx context.Context, o office, x *toAttach) (id int64, err error) {
	f, err := os.Open(x.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	mediaType := mime.TypeByExtension(filepath.Ext(x.path))
	if len(mediaType) > telegram.MaxMediaType {
		mediaType = ""
	}
	var begun attachFile
	if err := o.do(ctx, "attach-begin", attachBegin{mediaType, x.length}, &begun); err != nil {
		return 0, err
	}
	progress := a.progress("bytes of " + x.name)
	buf := make([]byte, attachedAtOnce)
	for at := int64(0); at < x.length; {
		n, err := io.ReadFull(f, buf[:min(int64(len(buf)), x.length-at)])
		if err != nil {
			return begun.ID, fmt.Errorf("it was cut short while it was read: %w", err)
		}
		if err := o.do(ctx, "attach-part", attachPart{begun.ID, at, buf[:n]}, &none{}); err != nil {
			return begun.ID, err
		}
		if at += int64(n); progress != nil {
			progress(at, x.length)
		}
	}
	var end attachEnd
	if err := o.do(ctx, "attach-end", begun, &end); err != nil {
		return begun.ID, err
	}
	says, err := telegram.ParseAttachment(end.Says)
	if err != nil {
		return begun.ID, err
	}
	return begun.ID, isFile(f, &says)
}

// isFile proves that an attachment is a file, from its first byte to its last.
func isFile(f *os.File, says *telegram.Attachment) error {
	key, err := seal.NewAttachmentKey(says.Secret, says.Length)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	digest := key.Digest()
	n, err := io.Copy(digest, f)
	if err != nil {
		return err
	}
	if n != says.Length || [32]byte(digest.Sum(nil)) != says.Digest {
		return errors.New("it was changed while it was read: attach it again")
	}
	return nil
}

// attachmentWords say of an attachment how far it is.
func attachmentWords(x *post.Attachment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Attachment %d: %s", x.K, x.Name)
	if x.Type != "" {
		fmt.Fprintf(&b, ", %s", x.Type)
	}
	fmt.Fprintf(&b, ", %d bytes: ", x.Bytes)
	switch x.State {
	case pieces.Checked:
		b.WriteString("all here, and the file that was signed")
	case pieces.Whole:
		b.WriteString("all pieces are here; whether they make the file is being looked at")
	case pieces.Coming:
		fmt.Fprintf(&b, "%d of %d pieces are here", x.Here, x.Pieces)
	case pieces.Damaged:
		fmt.Fprintf(&b, "DAMAGED: %s", x.Why)
	default:
		fmt.Fprintf(&b, "not asked for: %s", x.Why)
	}
	b.WriteByte('\n')
	for _, t := range x.There {
		fmt.Fprintf(&b, "  %s: ", t.Post)
		if t.Checked {
			b.WriteString("all there, and the file that was signed")
		} else {
			fmt.Fprintf(&b, "%d of %d pieces are there", t.Here, x.Pieces)
		}
		fmt.Fprintf(&b, ", as it said at %s\n", t.At.Format("2006-01-02 15:04:05Z"))
	}
	return b.String()
}
