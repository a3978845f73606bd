package pieces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"chancery.example/chancery/telegram"
)

// Digest is the SHA-256 of a sealed piece: its name.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// DigestOf makes the name of a sealed piece.
func DigestOf(sealed []byte) Digest { return sha256.Sum256(sealed) }

// parseDigest reads a name as String writes it.
func parseDigest(s string) (d Digest, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(d) || s != strings.ToLower(s) {
		return d, false
	}
	return Digest(b), true
}

var (
	// ErrNone is in the error for a piece that is not there.
	ErrNone = errors.New("there is no such piece")
	// ErrDamaged is in the error for a piece whose bytes are not those of its name.
	ErrDamaged = errors.New("the piece is damaged")
	// ErrFull is in the error when there is no room for a piece. Nothing was kept; the same call succeeds when there is some.
	ErrFull = errors.New("there is no room for pieces")
)

// Room is what a Folder leaves free on its disk, for all else that lies there.
const Room = 64 << 20

// A Stage is a place in [Folder.Put] where [Folder.Fault] may break it.
type Stage int

const (
	// BeforeKept: nothing stands under the piece's name yet.
	BeforeKept Stage = iota + 1
	// AfterKept: the piece is durable; an error makes Put report failure all the same.
	AfterKept
)

// Folder keeps pieces in a folder.
type Folder struct {
	// Fault, when not nil, is called in each Put at each [Stage]; an error from it breaks the Put there. It is a seam for tests of durability.
	Fault func(Stage) error

	path string
	free func() (int64, error) // bytes that are free on the disk
}

// temporary begins the names of files that are being written.
const temporary = "tmp-"

// OpenFolder takes a folder. It is made with the first piece.
func OpenFolder(path string) (*Folder, error) {
	if s, err := os.Stat(path); err == nil && !s.IsDir() {
		return nil, fmt.Errorf("the folder for pieces of attachments: %s is no folder", path)
	}
	f := &Folder{path: path}
	f.free = func() (int64, error) {
		var s syscall.Statfs_t
		if err := syscall.Statfs(path, &s); err != nil {
			return 0, err
		}
		return int64(s.Bavail) * int64(s.Bsize), nil
	}
	return f, nil
}

func (f *Folder) file(d Digest) (dir, file string) {
	name := d.String()
	dir = filepath.Join(f.path, name[:2])
	return dir, filepath.Join(dir, name)
}

// Put keeps a piece: it is written beside its place, brought to the disk, and then takes its name.
func (f *Folder) Put(ctx context.Context, d Digest, sealed []byte) (err error) {
	defer func() {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			err = fmt.Errorf("%w: %w", ErrFull, err)
		}
		if err != nil {
			err = fmt.Errorf("keeping a piece: %w", err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, file := f.file(d)
	if s, err := os.Stat(file); err == nil && s.Mode().IsRegular() && s.Size() == int64(len(sealed)) {
		return syncFolder(dir) // it has its name; that this is on the disk, the Put that gave it may not have seen
	}
	if err := f.makeFolder(dir); err != nil {
		return err
	}
	if free, err := f.free(); err == nil && free < Room+int64(len(sealed)) {
		return fmt.Errorf("%w: %d MiB are left on the disk, and stay free for the rest of the post", ErrFull, free>>20)
	}
	tmp, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return err
	}
	_, err = tmp.Write(sealed)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = f.fault(BeforeKept)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return err
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	return f.fault(AfterKept)
}

// makeFolder makes the folder of the names that begin alike, and has it on the disk.
func (f *Folder) makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = syncFolder(filepath.Dir(f.path))
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(f.path)
}

func (f *Folder) fault(s Stage) error {
	if f.Fault == nil {
		return nil
	}
	return f.Fault(s)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get gives a piece.
func (f *Folder) Get(ctx context.Context, d Digest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, file := f.file(d)
	x, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("piece %s: %w", d, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a piece: %w", err)
	}
	defer x.Close()
	return read(d, x)
}

// read reads a piece to its end and proves that it is the one.
func read(d Digest, r io.Reader) ([]byte, error) {
	b := make([]byte, telegram.SealedPiece+1)
	n, err := io.ReadFull(r, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading piece %s: %w", d, err)
	}
	if n > telegram.SealedPiece || DigestOf(b[:n]) != d {
		return nil, fmt.Errorf("piece %s: %w", d, ErrDamaged)
	}
	return b[:n], nil
}

// Delete forgets a piece.
func (f *Folder) Delete(ctx context.Context, d Digest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, file := f.file(d)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting a piece: %w", err)
	}
	return nil
}

// owner is the name of the file that says whose pieces these are.
const owner = "owner"

// ErrOwner is in the error when the pieces are those of another post.
var ErrOwner = errors.New("the pieces there are another post's")

// Own says whose pieces these are; once said, it refuses to be anybody else's.
func (f *Folder) Own(_ context.Context, who string) error {
	file := filepath.Join(f.path, owner)
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("the folder for pieces of attachments: %w", err)
	}
	x, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		b, err := os.ReadFile(file)
		if err == nil && string(b) != who && len(b) > 0 { // empty: a crash came between
			err = fmt.Errorf("%s: %w", f.path, ErrOwner)
		}
		if err == nil && len(b) == 0 {
			err = os.WriteFile(file, []byte(who), 0o600)
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("the folder for pieces of attachments: %w", err)
	}
	_, err = x.WriteString(who)
	return errors.Join(err, x.Sync(), x.Close(), syncFolder(f.path))
}

// Each calls fn with every piece that is there and when it was kept, until fn gives an error. What a Put left half written a day ago it deletes.
func (f *Folder) Each(ctx context.Context, fn func(d Digest, at time.Time) error) error {
	dirs, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing the pieces: %w", err)
	}
	for _, dir := range dirs {
		if !dir.IsDir() || len(dir.Name()) != 2 {
			continue
		}
		files, err := os.ReadDir(filepath.Join(f.path, dir.Name()))
		if err != nil {
			return fmt.Errorf("listing the pieces: %w", err)
		}
		for _, x := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			s, err := x.Info()
			if err != nil || !s.Mode().IsRegular() { // deleted since
				continue
			}
			d, ok := parseDigest(x.Name())
			switch {
			case ok && strings.HasPrefix(x.Name(), dir.Name()):
				if err := fn(d, s.ModTime()); err != nil {
					return err
				}
			case strings.HasPrefix(x.Name(), temporary) && time.Since(s.ModTime()) > 24*time.Hour:
				os.Remove(filepath.Join(f.path, dir.Name(), x.Name())) // when it fails it is tried again next time
			}
		}
	}
	return nil
}
