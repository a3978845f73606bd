package line

import (
	"encoding/base64"
	"sync"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// door decides who gets into the broker: whoever signs the broker's nonce with an admitted key, and nobody else.
type door struct {
	mu    sync.RWMutex // guards users, and a login as a whole: once admit returns, no former member is half-way in
	users map[string]visitor

	prepare func(telegram.Route) bool // called before each login of a member; set before the broker starts
}

// visitor is who stands behind a login.
type visitor struct {
	user  *server.User
	route telegram.Route
	hub   bool // the hub's own user, no member
}

func (d *door) admit(users map[string]visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users = users
}

// Check is called by the broker for every client, in a goroutine of that client.
func (d *door) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	who, known := d.knows(o.Nkey)
	if c.Kind() != server.CLIENT || !known || len(c.GetNonce()) == 0 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(o.Sig)
	if err != nil {
		return false
	}
	key, err := nkeys.FromPublicKey(o.Nkey)
	if err != nil || key.Verify(c.GetNonce(), sig) != nil {
		return false
	}
	if !who.hub && !d.prepare(who.route) {
		return false
	}
	d.mu.RLock() // by now the member may be gone
	defer d.mu.RUnlock()
	now, known := d.users[o.Nkey]
	if !known || now.route != who.route {
		return false
	}
	c.RegisterUser(now.user)
	return true
}

func (d *door) knows(login string) (visitor, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	who, ok := d.users[login]
	return who, ok
}
