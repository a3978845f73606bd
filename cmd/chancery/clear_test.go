package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// nothingInClear walks over all that the posts of a siege have on their disks just now, killed or alive: databases with their logs, the broker's
// store, temporary files, what the processes said, and the folders of database servers, which are named. Nowhere is there a word of a telegram, a
// subject, a passphrase or a private key. The siege's own notes are passed over.
func (s *siege) nothingInClear(t *testing.T, databases ...string) {
	t.Helper()
	words := newSearch("pass")
	for _, x := range s.posts {
		words.public = append(words.public, x.name)
	}
	words.runs(sentence)
	s.mu.Lock()
	for subject := range s.promised {
		if len(words.by) > 5000 {
			break // each has many spellings
		}
		words.words(subject)
	}
	s.mu.Unlock()
	words.keys(t, s.dir)
	all := 0
	for _, dir := range append([]string{s.dir}, databases...) {
		found, seen := words.walk(t, dir)
		for _, what := range found {
			if !strings.HasPrefix(what, "promised has ") {
				t.Errorf("%s: %s", dir, what)
			}
		}
		all += len(seen)
		expected := []string{"/keys/post.age", ".log", ".blk"}
		if dir != s.dir {
			expected = []string{"base/", "pg_wal/"}
		} else if len(databases) == 0 {
			expected = append(expected, "/post.db", "/post.db-wal")
		}
		for _, part := range expected {
			if !slices.ContainsFunc(seen, func(name string) bool { return strings.Contains("/"+name, part) }) {
				t.Errorf("the walk over %s saw nothing like %s", dir, part)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "tmp", "*")); len(left) > 0 {
		t.Errorf("temporary files were left: %q", left)
	}
	t.Logf("nothing is in clear in %d files", all)
}

// dataOf is the folder of a test's database server.
func dataOf(url string) string {
	_, dir, _ := strings.Cut(url, "host=")
	return filepath.Join(dir, "data")
}
