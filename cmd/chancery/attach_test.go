package main

import (
	"bytes"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/rogpeppe/go-internal/testscript"
)

// filesIn are all files within a folder.
func filesIn(ts *testscript.TestScript, folder string) (files []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs(folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// spoil FOLDER turns a bit of the largest file in a folder.
func cmdSpoil(ts *testscript.TestScript, _ bool, args []string) {
	var largest string
	var b []byte
	for _, file := range filesIn(ts, args[0]) {
		x, err := os.ReadFile(file)
		ts.Check(err)
		if len(x) > len(b) {
			largest, b = file, x
		}
	}
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(largest, b, 0o600))
}

// hidden FOLDER TEXT fails if any file in the folder has the text.
func cmdHidden(ts *testscript.TestScript, _ bool, args []string) {
	files := filesIn(ts, args[0])
	if len(files) == 0 {
		ts.Fatalf("there are no files in %s", args[0])
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		ts.Check(err)
		if bytes.Contains(b, []byte(args[1])) {
			ts.Fatalf("%s has %q", file, args[1])
		}
	}
}

// objects NAME BUCKET starts an object store that speaks S3, with a bucket, and sets $NAME to its host:port.
func cmdObjects(ts *testscript.TestScript, _ bool, args []string) {
	store := s3mem.New()
	ts.Check(store.CreateBucket(args[1]))
	server := httptest.NewServer(gofakes3.New(store, gofakes3.WithoutVersioning()).Server())
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}
