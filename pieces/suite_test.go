package pieces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// keeper is what keeps pieces: a Folder or a Bucket.
type keeper interface {
	Put(ctx context.Context, d Digest, sealed []byte) error
	Get(ctx context.Context, d Digest) ([]byte, error)
	Delete(ctx context.Context, d Digest) error
	Each(ctx context.Context, fn func(d Digest, at time.Time) error) error
	Own(ctx context.Context, who string) error
}

// objects is an object store in this process, that can be told to fail.
type objects struct {
	*s3mem.Backend
	server *httptest.Server
	failed atomic.Pointer[string] // the S3 code with which puts are refused
}

func newObjects(t testing.TB) *objects {
	t.Helper()
	o := &objects{Backend: s3mem.New()}
	if err := o.CreateBucket("pieces"); err != nil {
		t.Fatal(err)
	}
	faker := gofakes3.New(o.Backend, gofakes3.WithoutVersioning()).Server()
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := o.failed.Load(); code != nil && r.Method == "PUT" {
			w.WriteHeader(http.StatusInsufficientStorage)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", *code)
			return
		}
		faker.ServeHTTP(w, r)
	}))
	t.Cleanup(o.server.Close)
	return o
}

func (o *objects) open(t testing.TB, prefix string) *Bucket {
	t.Helper()
	b, err := OpenBucket("s3+http://"+strings.TrimPrefix(o.server.URL, "http://")+"/pieces"+prefix, Login{Access: "me", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lay puts something into the store that is no piece.
func (o *objects) lay(t *testing.T, key, text string) {
	t.Helper()
	at := map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}
	if _, err := o.PutObject("pieces", key, at, strings.NewReader(text), int64(len(text)), nil); err != nil {
		t.Fatal(err)
	}
}

// each runs a test with all keepers there are.
func each(t *testing.T, fn func(t *testing.T, k keeper)) {
	t.Run("folder", func(t *testing.T) {
		f, err := OpenFolder(filepath.Join(t.TempDir(), "pieces"))
		if err != nil {
			t.Fatal(err)
		}
		fn(t, f)
	})
	t.Run("bucket", func(t *testing.T) { fn(t, newObjects(t).open(t, "")) })
	t.Run("bucket with a prefix", func(t *testing.T) { fn(t, newObjects(t).open(t, "/moscow/pieces/")) })
}

func piece(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8), 7}, 1+n*37%20000) }

func put(t *testing.T, k keeper, sealed []byte) Digest {
	t.Helper()
	d := DigestOf(sealed)
	if err := k.Put(t.Context(), d, sealed); err != nil {
		t.Fatal(err)
	}
	return d
}

// names lists what a keeper has.
func names(t *testing.T, k keeper) map[Digest]bool {
	t.Helper()
	all := map[Digest]bool{}
	if err := k.Each(t.Context(), func(d Digest, at time.Time) error {
		if age := time.Since(at).Abs(); age > time.Minute {
			t.Errorf("%s was kept %v ago", d, age)
		}
		all[d] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPutGetDelete(t *testing.T) {
	each(t, func(t *testing.T, k keeper) {
		if n := len(names(t, k)); n != 0 {
			t.Errorf("there are %d pieces at first", n)
		}
		var ds []Digest
		for n := range 40 {
			ds = append(ds, put(t, k, piece(n)))
		}
		largest := make([]byte, telegram.SealedPiece)
		ds = append(ds, put(t, k, largest), put(t, k, []byte{1}))
		put(t, k, piece(3)) // again
		for n, d := range ds[:40] {
			if got, err := k.Get(t.Context(), d); err != nil || !bytes.Equal(got, piece(n)) {
				t.Fatalf("piece %d: %d bytes, %v", n, len(got), err)
			}
		}
		if got, err := k.Get(t.Context(), ds[40]); err != nil || !bytes.Equal(got, largest) {
			t.Errorf("the largest: %v", err)
		}
		if all := names(t, k); len(all) != len(ds) || !all[ds[7]] {
			t.Errorf("%d pieces are listed, want %d", len(all), len(ds))
		}
		for range 2 {
			if err := k.Delete(t.Context(), ds[7]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := k.Get(t.Context(), ds[7]); !errors.Is(err, ErrNone) {
			t.Errorf("what was deleted: %v", err)
		}
		if all := names(t, k); len(all) != len(ds)-1 || all[ds[7]] {
			t.Errorf("after deleting one %d are listed", len(all))
		}
		stop := errors.New("enough")
		if err := k.Each(t.Context(), func(Digest, time.Time) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("a list that is ended: %v", err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := k.Get(ended, ds[1]); err == nil {
			t.Error("it reads when it is told to end")
		}
		if err := k.Put(ended, ds[1], piece(1)); err == nil {
			t.Error("it writes when it is told to end")
		}
	})
}

func TestOwn(t *testing.T) {
	each(t, func(t *testing.T, k keeper) {
		for range 2 {
			if err := k.Own(t.Context(), "c00001"); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.Own(t.Context(), "c00002"); !errors.Is(err, ErrOwner) {
			t.Errorf("another post: %v", err)
		}
		if f, ok := k.(*Folder); ok {
			if err := os.WriteFile(filepath.Join(f.path, owner), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(k.Own(t.Context(), "c00001"), k.Own(t.Context(), "c00001")); err != nil {
				t.Errorf("after a crash while it was written: %v", err)
			}
		}
		if n := len(names(t, k)); n != 0 {
			t.Errorf("the owner is listed as %d pieces", n)
		}
	})
}

// Many at the same time, the same pieces too.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, k keeper) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for n := range 20 {
					sealed := piece(n + w%2*10)
					if err := k.Put(t.Context(), DigestOf(sealed), sealed); err != nil {
						t.Error(err)
					}
					if got, err := k.Get(t.Context(), DigestOf(sealed)); err != nil || !bytes.Equal(got, sealed) {
						t.Errorf("%d: %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		if n := len(names(t, k)); n != 30 {
			t.Errorf("there are %d pieces, want 30", n)
		}
	})
}

// What stands under a name and is not what it names is no piece.
func TestDamaged(t *testing.T) {
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := put(t, f, piece(5))
	_, file := f.file(d)
	for name, b := range map[string][]byte{"altered": piece(6), "cut": piece(5)[:10], "longer": append(piece(5), 0), "empty": {}, "huge": make([]byte, telegram.SealedPiece+1)} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Get(t.Context(), d); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		put(t, f, piece(5)) // what has another length is written anew
	}
	o := newObjects(t)
	b := o.open(t, "")
	o.lay(t, b.key(d), "altered")
	if _, err := b.Get(t.Context(), d); !errors.Is(err, ErrDamaged) {
		t.Errorf("in a bucket: %v", err)
	}
}

// Foreign files and objects are not listed, and stay. What was half written a day ago goes.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := put(t, f, piece(5))
	sub, _ := f.file(d)
	old, young := filepath.Join(sub, "tmp-old"), filepath.Join(sub, "tmp-young")
	for _, name := range []string{filepath.Join(dir, "README"), filepath.Join(sub, "note"), filepath.Join(sub, strings.ToUpper(d.String())), old, young} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "zz"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "zz", d.String()), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all := names(t, f); len(all) != 1 || !all[d] {
		t.Errorf("listed are %v", all)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("what was half written a day ago is there")
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("what is being written is gone")
	}
	o := newObjects(t)
	b := o.open(t, "/mine")
	d = put(t, b, piece(5))
	for _, key := range []string{"README", "mine/README", "mine/zz/" + d.String(), "yours/" + b.key(d)} {
		o.lay(t, key, "x")
	}
	if all := names(t, b); len(all) != 1 || !all[d] {
		t.Errorf("listed are %v", all)
	}
}

// A Put that is broken leaves nothing under the name, or all of it.
func TestPutBroken(t *testing.T) {
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the machine stopped")
	for _, stage := range []Stage{BeforeKept, AfterKept} {
		sealed := piece(int(stage))
		d := DigestOf(sealed)
		f.Fault = func(s Stage) error {
			if s == stage {
				return broken
			}
			return nil
		}
		if err := f.Put(t.Context(), d, sealed); !errors.Is(err, broken) {
			t.Errorf("stage %d: %v", stage, err)
		}
		f.Fault = nil
		_, err := f.Get(t.Context(), d)
		if stage == BeforeKept && !errors.Is(err, ErrNone) || stage == AfterKept && err != nil {
			t.Errorf("stage %d: it is there as %v", stage, err)
		}
		put(t, f, sealed)
		if got, err := f.Get(t.Context(), d); err != nil || !bytes.Equal(got, sealed) {
			t.Errorf("stage %d, put again: %v", stage, err)
		}
	}
}

// A disk or a store without room says so, and nothing is kept.
func TestFull(t *testing.T) {
	f, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.free = func() (int64, error) { return Room + 100, nil }
	sealed := piece(700)
	if err := f.Put(t.Context(), DigestOf(sealed), sealed); !errors.Is(err, ErrFull) {
		t.Errorf("a disk almost full: %v", err)
	}
	f.free = func() (int64, error) { return 1 << 40, nil }
	if _, err := f.Get(t.Context(), DigestOf(sealed)); !errors.Is(err, ErrNone) {
		t.Errorf("something was kept: %v", err)
	}
	put(t, f, sealed)
	o := newObjects(t)
	b := o.open(t, "")
	code := "XMinioStorageFull"
	o.failed.Store(&code)
	if err := b.Put(t.Context(), DigestOf(sealed), sealed); !errors.Is(err, ErrFull) {
		t.Errorf("a store that is full: %v", err)
	}
	other := "AccessDenied"
	o.failed.Store(&other)
	if err := b.Put(t.Context(), DigestOf(sealed), sealed); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("a store that refuses: %v", err)
	}
	o.failed.Store(nil)
	put(t, b, sealed)
	o.server.Close()
	if _, err := b.Get(t.Context(), DigestOf(sealed)); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a store that does not answer: %v", err)
	}
}

func TestAddressOfABucket(t *testing.T) {
	for _, good := range []string{"s3://s3.example/pieces", "s3://s3.example:9000/pieces/moscow/", "s3+http://127.0.0.1:9000/p12"} {
		if _, err := OpenBucket(good, Login{Access: "a", Secret: "b"}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "pieces", "s3://", "s3://host", "s3://host/", "https://host/pieces", "s3://me:secret@host/pieces", "s3://host/pieces?x=1", "s3://host/pieces#x", "s3://ho st/p"} {
		if _, err := OpenBucket(bad, Login{Access: "a", Secret: "b"}); err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := OpenBucket("s3://host/pieces", Login{Access: "a"}); err == nil {
		t.Error("without a secret")
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(DigestOf(nil).String())
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := parseDigest(s); ok && d.String() != s {
			t.Errorf("%q is read as %s", s, d)
		}
	})
}
