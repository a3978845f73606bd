package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
)

// How long files are that people hand to a command. What is longer is none of them, and is not read into memory.
const (
	mostKey       = 64 << 10 // a key, or settings
	mostForm      = desk.MaxForm
	mostApplied   = 16 << 20 // statements to be signed
	mostDirectory = directory.MaxFile
)

// readFile reads a file of at most so many bytes.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	long := fmt.Errorf("%s has more than %d bytes: it is not what is wanted here", name, most)
	if s, err := f.Stat(); err == nil && s.IsDir() {
		return nil, fmt.Errorf("%s is a folder, and not the file that is wanted here", name)
	} else if err == nil && s.Size() > most {
		return nil, long
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = long
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// readText reads a text that somebody wrote, which is not empty.
func readText(name string) (string, error) {
	b, err := readFile(name, mostForm)
	if err == nil && len(b) == 0 {
		err = errors.New(name + " is empty")
	}
	return string(b), err
}
