package main

import (
	"encoding/json"
	"testing"

	"chancery.example/chancery/post"
)

// A file from another machine is read whole or refused, and what was read is written the same.
func FuzzRequestFile(f *testing.F) {
	good, err := json.Marshal(&asked{Format: requestFormat, Post: "MOSCOW", Draft: post.ToSign{ID: 1, Telegram: []byte("x")}, Directory: []byte("y")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":"chancery release request 1"}`))
	f.Add([]byte(`{"format":"chancery release request 1","more":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r asked
		if parseJSONFile("file", b, requestFormat, &r) != nil {
			return
		}
		again, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var s asked
		if err := parseJSONFile("file", again, requestFormat, &s); err != nil {
			t.Fatal(err)
		}
	})
}
