package main

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Settings are taken whole or refused, and what was taken is taken again as it is written.
func FuzzSettings(f *testing.F) {
	f.Add([]byte("name = \"MOSCOW\"\nroute = \"c00001\"\nroot = \"00\"\nlisten = \"127.0.0.1:4222\"\n[markings]\nflash = \"TOP PRIORITY\"\n"))
	f.Add([]byte("name = \"BEIJING\"\nhubs = [\"nats://127.0.0.1:4222\"]\nretry = \"10s\"\nwindow = 5\nsection = 64\n"))
	f.Add([]byte("]][["))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again config
		if err := c.parse(b); err != nil {
			if strings.Contains(err.Error(), "config.") || err.Error() == "" {
				t.Errorf("it says %q", err)
			}
			return
		}
		written, err := toml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.parse(written); err != nil {
			t.Errorf("what was taken is refused as it is written: %v\n%s", err, written)
		}
	})
}

func FuzzPassphrases(f *testing.F) {
	f.Add("post MOSCOW: one two three\n# of nobody\n17: four: five\n")
	f.Fuzz(func(t *testing.T, text string) {
		known, err := parsePassphrases(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		for key, p := range known {
			b.WriteString(key + ": " + p + "\n")
		}
		if again, err := parsePassphrases(strings.NewReader(b.String())); err == nil && !maps.Equal(known, again) {
			t.Errorf("%q is read as %q, and then as %q", text, known, again)
		}
	})
}

// A series that goes on is one of the post's own, and leaves as many numbers again.
func FuzzContinue(f *testing.F) {
	f.Add("register=23342,serial:BEIJING=2521,special:BEIJING=1690,incoming=7")
	f.Add("serial:NEW YORK=1")
	f.Fuzz(func(t *testing.T, s string) {
		series, err := parseContinue(s, "MOSCOW", time.Unix(1796636400, 0))
		if err != nil {
			return
		}
		for name, last := range series {
			if last > 1<<31-1 || !strings.Contains(name, " ") || strings.HasSuffix(name, " MOSCOW") {
				t.Errorf("%q makes the series %q go on from %d", s, name, last)
			}
		}
	})
}
