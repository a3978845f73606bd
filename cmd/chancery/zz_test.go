package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
	"fmt"
)

func TestZZStart(t *testing.T) {
	s := newSiege(t, site{dir: ""}, "MOSCOW", "BEIJING", "LONDON")
	for _, x := range s.posts {
		f := filepath.Join(s.dir, x.name, "post.toml")
		b, _ := os.ReadFile(f)
		b = regexp.MustCompile(`(?m)^retry.*$`).ReplaceAll(b, []byte(`retry = "10s"`))
		os.WriteFile(f, b, 0o600)
	}
	for n := 0; n < 60; n++ {
		ctx, stop := context.WithCancel(t.Context())
		for _, x := range s.posts {
			os.Remove(filepath.Join(s.dir, x.name+".log"))
			x.start(ctx)
		}
		m := s.posts[n%3]
		m.wait(ctx, "serving")
		begin := time.Now()
		if err := m.send(ctx, fmt.Sprint("zz ", n), s.posts[(n+1)%3].name, s.posts[(n+2)%3].name); err != nil {
			t.Log(err)
		}
		for {
			st, err := m.status(ctx)
			if err == nil && st.Open+st.Released == 0 { break }
			if time.Since(begin) > 90*time.Second { t.Log("never"); break }
			time.Sleep(20*time.Millisecond)
		}
		d := time.Since(begin)
		fmt.Println(n, m.name, d.Round(time.Millisecond))
		if d > 5*time.Second {
			for _, x := range s.posts {
				b, _ := os.ReadFile(filepath.Join(s.dir, x.name+".log"))
				fmt.Printf("--- %s\n%s\n", x.name, b)
			}
		}
		for _, x := range s.posts {
			x.stop()
		}
		stop()
	}
}
