package main

// How a siege ends: what is under way arrives, and the databases are opened.

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/store"
)

// drain waits until everything has its receipt.
func (s *siege) drain(ctx context.Context, patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		all := true
		for _, x := range s.posts {
			st, err := x.status(ctx)
			all = all && err == nil && st.Open+st.Released == 0
		}
		if all {
			return
		}
	}
	s.logs(ctx)
	s.t.Fatal("some telegrams have no receipt " + patience.String() + " after the last kill")
}

// logs shows how each post stands, and what it said last.
func (s *siege) logs(ctx context.Context) {
	for _, x := range s.posts {
		st, err := x.status(ctx)
		b, _ := os.ReadFile(filepath.Join(s.dir, x.name+".log"))
		lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		s.t.Logf("%s: %+v %v\n%s", x.name, st, err, bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
	}
}

// openStopped opens a stopped post, once its register verifies.
func (s *siege) openStopped(t *testing.T, name string) *opened {
	t.Helper()
	dir := filepath.Join(s.dir, name)
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{dir: dir, secrets: filepath.Join(s.dir, "pass", name)}
	for _, x := range s.posts {
		if x.name == name {
			a.clock = func() time.Time { return time.Now().Add(x.skew) }
		}
	}
	u, err := a.unlock(t.Context(), f, quiet)
	if err != nil {
		t.Fatal(err)
	}
	report, err := u.VerifyRegister(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range report.Findings {
		t.Errorf("%s: the register: %s", name, finding.What)
	}
	o := &opened{unlocked: u, entries: report.Size}
	if err := u.db.Read(t.Context(), func(tx *store.Tx) (err error) {
		if o.out, err = archive.Newest(tx, archive.Out, 1<<30); err == nil {
			o.in, err = archive.Newest(tx, archive.In, 1<<30)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return o
}
