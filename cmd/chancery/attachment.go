package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// attachmentFlags say which attachment is meant, and what is to be done.
type attachmentFlags struct {
	received, sent, draft, fetch, drop bool
	year                               int
	out                                string
}

func (a *app) attachmentCommand() *cobra.Command {
	var w attachmentFlags
	c := &cobra.Command{
		Use: "attachment NUMBER [WHICH]", Short: "List the attachments of a telegram, or write one to a file",
		Long: `Lists the attachments of a telegram, by this post's own number, and how far each is. With --out it writes one to a new file, once all of it is here and
was proved to be the file that was signed; a folder takes it under its own name. No file is ever written over, and none is there by half.

What a post does not ask for by itself, because it is longer than fetch in post.toml, comes with --fetch. With --drop the pieces of one that was received
are deleted here and no more are asked for; its sender still has it. With --draft NUMBER is a draft: so an officer sees what is attached before signing.`,
		Example: "  chancery attachment 1 --dir beijing\n  chancery attachment 1 2 --out map.pdf --dir beijing\n  chancery attachment 7 1 --draft --out . --dir moscow\n  chancery attachment 1 2 --fetch --dir beijing",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage("%s takes the number of a telegram, and which of its attachments; see  %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			if w.fetch && w.drop || (w.fetch || w.drop) && (w.out != "" || w.draft) {
				return usage("--fetch, --drop and --out go one by one, and a draft's files are here")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.attachment(cmd.Context(), args, &w) },
	}
	c.Flags().BoolVar(&w.received, "received", false, "of a telegram that was received")
	c.Flags().BoolVar(&w.sent, "sent", false, "of one that was sent")
	c.Flags().BoolVar(&w.draft, "draft", false, "of a draft")
	c.Flags().BoolVar(&w.fetch, "fetch", false, "ask for it now, though it is long or was dropped")
	c.Flags().BoolVar(&w.drop, "drop", false, "delete its pieces here, and ask for no more")
	c.Flags().IntVar(&w.year, "year", 0, "the `year` of the number, when it is not this one")
	c.Flags().StringVar(&w.out, "out", "", "write it to this new `file`, or under its own name into this folder")
	return c
}

func (a *app) attachment(ctx context.Context, args []string, w *attachmentFlags) error {
	wanted := post.AttachmentWanted{Year: w.year}
	if len(args) == 2 {
		k, err := strconv.Atoi(args[1])
		if err != nil || k < 1 {
			return usage("%q is no attachment's number: the first is 1", args[1])
		}
		wanted.K = k
	}
	if w.draft {
		id, err := draftNumber(args[0])
		if err != nil {
			return err
		}
		wanted.Draft = id
	} else {
		n, err := telegram.ParseNumber(args[0])
		if err != nil {
			return usage("%q is no number of a telegram", args[0])
		}
		wanted.Number = n
	}
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	list, err := a.findAttachments(ctx, o, &wanted, w)
	if err != nil {
		return err
	}
	switch {
	case w.fetch:
		var x post.AttachmentFound
		if err := o.do(ctx, "attachment-fetch", wanted, &x); err != nil {
			return err
		}
		return a.say(x.Attachment, "%sNext: see how far it has come:  chancery attachment %s %d %s\n", attachmentWords(&x.Attachment), args[0], x.K, a.where())
	case w.drop:
		var x post.AttachmentFound
		if err := o.do(ctx, "attachment-drop", wanted, &x); err != nil {
			return err
		}
		return a.say(x.Attachment, "%sNext: if it is wanted again:  chancery attachment %s %d --fetch %s\n", attachmentWords(&x.Attachment), args[0], x.K, a.where())
	case w.out != "":
		return a.saveAttachment(ctx, o, wanted, w.out)
	}
	if wanted.K > len(list) {
		return fmt.Errorf("it has %d attachments, and no attachment %d", len(list), wanted.K)
	}
	if wanted.K > 0 {
		list = list[wanted.K-1 : wanted.K]
	}
	var words strings.Builder
	for i := range list {
		words.WriteString(attachmentWords(&list[i]))
	}
	if len(list) == 0 {
		words.WriteString("It has no attachments.\n")
	}
	for _, x := range list {
		if x.Checked {
			of := ""
			if w.draft {
				of = " --draft"
			}
			fmt.Fprintf(&words, "Next: write one to a file:  chancery attachment %s %d%s --out FILE %s\n", args[0], x.K, of, a.where())
			break
		}
	}
	return a.say(list, "%s", words.String())
}

// findAttachments finds whose attachments are meant: of the telegram that was sent or of the one that was received under that number.
func (a *app) findAttachments(ctx context.Context, o office, wanted *post.AttachmentWanted, w *attachmentFlags) (list []post.Attachment, err error) {
	if wanted.Draft != 0 {
		return list, o.do(ctx, "attachments", wanted, &list)
	}
	var errs []error
	found := 0
	for _, way := range []archive.Way{archive.Out, archive.In} {
		if w.received && !w.sent && way == archive.Out || w.sent && !w.received && way == archive.In {
			continue
		}
		x := *wanted
		x.Way = way
		var l []post.Attachment
		if err := o.do(ctx, "attachments", x, &l); err != nil {
			errs = append(errs, err)
			continue
		}
		list, wanted.Way = l, way
		found++
	}
	switch found {
	case 0:
		return nil, errors.Join(errs...)
	case 2:
		return nil, usage("one telegram with number %s was sent and one was received: say which with --sent or --received", telegram.NumberText(wanted.Number))
	}
	return list, nil
}

// savedAttachment is an attachment that was written to a file.
type savedAttachment struct {
	post.Attachment
	Saved  string `json:"saved"`
	SHA256 string `json:"sha256"`
}

func (a *app) saveAttachment(ctx context.Context, o office, wanted post.AttachmentWanted, out string) error {
	var x post.AttachmentFound
	if err := o.do(ctx, "attachment", wanted, &x); err != nil {
		return err
	}
	says, err := telegram.ParseAttachment(x.Says)
	if err != nil {
		return err
	}
	if s, err := os.Stat(out); err == nil && s.IsDir() {
		out = filepath.Join(out, says.Name) // a name that a file can have anywhere, or the telegram would not have been taken
	}
	if !x.Checked {
		return fmt.Errorf("%sNothing was written: a file is shown when all of it is here and was proved", attachmentWords(&x.Attachment))
	}
	sum, err := a.writeAttachment(ctx, o, &x, &says, out)
	if err != nil {
		return fmt.Errorf("%w. Nothing was written to %s", err, out)
	}
	return a.say(savedAttachment{x.Attachment, out, sum}, "Attachment %d is in %s, %d bytes: the file that was signed.\n", x.K, out, x.Bytes)
}

// writeAttachment writes a file beside its place, proves it, and gives it its name only then, and only if nothing has that name.
func (a *app) writeAttachment(ctx context.Context, o office, x *post.AttachmentFound, says *telegram.Attachment, out string) (sum string, err error) {
	if _, err := os.Lstat(out); err == nil {
		return "", fmt.Errorf("%s is there already, and no file is written over", out)
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".chancery-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	key, err := seal.NewAttachmentKey(says.Secret, says.Length)
	if err != nil {
		return "", err
	}
	digest, plain := key.Digest(), sha256.New()
	to := io.MultiWriter(f, digest, plain)
	progress := a.progress("bytes of " + x.Name)
	written := int64(0)
	for i := range telegram.Pieces(says.Length) {
		var b attachData
		if err := o.do(ctx, "attachment-read", attachRead{x.File, i}, &b); err != nil {
			return "", err
		}
		if _, err := to.Write(b.Data); err != nil {
			return "", err
		}
		if written += int64(len(b.Data)); progress != nil {
			progress(written, says.Length)
		}
	}
	if written != says.Length || [32]byte(digest.Sum(nil)) != says.Digest {
		return "", coded{errors.New("what the post gave is not the file that was signed: run  chancery register verify --attachments"), exitUnproved}
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return hex.EncodeToString(plain.Sum(nil)), takeName(f.Name(), out)
}

// takeName gives a file a name that nothing has.
func takeName(file, name string) error {
	err := os.Link(file, name)
	if err == nil {
		return syncDir(filepath.Dir(name))
	}
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already, and no file is written over", name)
	}
	// Some file systems have no links. Between the look and the renaming another program could make such a file; nobody here does.
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("%s is there already, and no file is written over", name)
	}
	if err := os.Rename(file, name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
