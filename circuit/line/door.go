package line

import (
	"encoding/base64"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// door decides who gets into the broker: whoever signs the broker's nonce with an admitted key, and nobody else.
type door struct {
	mu    sync.RWMutex // guards users, and a login as a whole: once admit returns, no former member is half-way in
	users map[string]*server.User
}

func (d *door) admit(users map[string]*server.User) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users = users
}

// Check is called by the broker for every client.
func (d *door) Check(c server.ClientAuthentication) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	o := c.GetOpts()
	user := d.users[o.Nkey]
	if c.Kind() != server.CLIENT || user == nil || len(c.GetNonce()) == 0 {
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
	c.RegisterUser(user)
	return true
}
