package line

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
)

// hubKey makes a key and its fingerprint.
func hubKey(t testing.TB) (ed25519.PrivateKey, string) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Fingerprint(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, s
}

// secure is a client that knows the hub's key.
func secure(c Config, keys ...string) Config {
	for i, u := range c.URLs {
		c.URLs[i] = strings.Replace(u, "nats://", "tls://", 1)
	}
	c.HubKeys = keys
	return c
}
