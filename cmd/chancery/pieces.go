package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
)

// inStore says whether pieces lie in an object store.
func (c *config) inStore() bool {
	return strings.HasPrefix(c.Pieces, "s3://") || strings.HasPrefix(c.Pieces, "s3+http://")
}

// checkPieces looks at the settings for where pieces of attachments lie.
func (c *config) checkPieces() error {
	switch {
	case c.inStore():
		if c.Login == "" {
			return errors.New("pieces_login: an object store asks for a login: name the file that has it")
		}
		if _, err := pieces.OpenBucket(c.Pieces, pieces.Login{Access: "-", Secret: "-"}); err != nil {
			return fmt.Errorf("pieces: %w", err)
		}
	case strings.Contains(c.Pieces, "://"):
		return fmt.Errorf("pieces: %q is neither a folder nor an address such as s3://host:port/bucket", c.Pieces)
	case c.Login != "":
		return errors.New("pieces_login: there is no object store to log in to: pieces names none")
	}
	return nil
}

// pieces opens the place where pieces of attachments lie. It connects to nothing, and makes no folder.
func (f *folder) pieces() (post.PieceStore, error) {
	if !f.config.inStore() {
		path := f.config.Pieces
		if path == "" {
			path = "pieces"
		}
		return pieces.OpenFolder(f.beside(path))
	}
	file := f.beside(f.config.Login)
	s, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("post.toml: pieces_login: %w", err)
	}
	if s.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("post.toml: pieces_login: others than its owner may read %s: take that away with  chmod 600 %s", file, file)
	}
	b, err := readFile(file, mostKey)
	if err != nil {
		return nil, fmt.Errorf("post.toml: pieces_login: %w", err)
	}
	known, err := parsePassphrases(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("post.toml: pieces_login: %s: %w", file, err)
	}
	l := pieces.Login{Access: known["access"], Secret: known["secret"], Region: known["region"]}
	if l.Access == "" || l.Secret == "" {
		return nil, fmt.Errorf("post.toml: pieces_login: %s lacks a line  access: …  or  secret: …", file)
	}
	return pieces.OpenBucket(f.config.Pieces, l)
}

// beside is a path that starts, if it starts nowhere, from the post's folder.
func (f *folder) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return f.file(path)
}
