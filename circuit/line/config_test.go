package line

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a person got wrong is said before anything starts, in words.
func TestClear(t *testing.T) {
	t.Parallel()
	for _, c := range []HubConfig{{}, {Listen: "x", Dir: "d"}, {Listen: "h:99999", Dir: "d"}, {Listen: "h:1"}, {Listen: "h:1", Dir: "d", MaxBytes: -1}} {
		if _, err := NewHub(c); err == nil {
			t.Errorf("%+v passed", c)
		}
	}
	p := newPost(t, 1)
	ok := client(p, "127.0.0.1:1")
	for _, f := range []func(*Config){
		func(c *Config) { c.URLs = nil }, func(c *Config) { c.URLs = []string{"127.0.0.1:1"} }, func(c *Config) { c.URLs = []string{"nats://u:p@h:1"} },
		func(c *Config) { c.Login = "UABC" }, func(c *Config) { c.Sign = nil }, func(c *Config) { c.Ahead = 65 }, func(c *Config) { c.Ack = -1 },
	} {
		c := ok
		if f(&c); c.Login != "" {
			if _, err := New(c); err == nil {
				t.Errorf("%+v passed", c)
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := newHub(t, HubConfig{Listen: l.Addr().String()}).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "another program uses that port") {
		t.Errorf("port in use: %v", err)
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newHub(t, HubConfig{Dir: file}).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "the hub's folder") {
		t.Errorf("folder is a file: %v", err)
	}
	h := newHub(t, HubConfig{})
	h.Stop()
	if err := h.Admit(t.Context(), nil); err == nil || h.Addr() != "" {
		t.Error("a hub that was never started admits")
	}
	other := newPost(t, 2)
	for _, ms := range [][]Member{{p.member(), p.member()}, {p.member(), {Route: other.route, Login: p.login}}, {{Route: p.route, Login: "UX } evil {"}}} {
		if err := h.Admit(t.Context(), ms); err == nil || errors.Is(err, errStopped) {
			t.Errorf("%v admitted: %v", ms, err)
		}
	}
}
