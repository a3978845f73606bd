package line

import (
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/telegram"
)

// The first post has the hub in its process, the others reach it by TCP, each kind of line as good as another.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, p := range []struct {
		name string
		circuit.Profile
	}{
		{"fibre", circuit.Profile{}},
		{"satellite", circuit.Profile{Rate: 64000, RoundTrip: 600 * time.Millisecond}},
		{"metered satellite", circuit.Profile{Rate: 64000, RoundTrip: 600 * time.Millisecond, Metered: true}},
	} {
		t.Run(p.name, func(t *testing.T) {
			circuittest.Run(t, func(t *testing.T, routes []telegram.Route) []circuit.Carrier { return three(t, p.Profile, routes) })
		})
	}
}

func three(t *testing.T, p circuit.Profile, routes []telegram.Route) (cs []circuit.Carrier) {
	posts := make([]post, len(routes))
	members := make([]Member, len(routes))
	for i, r := range routes {
		posts[i] = newPost(t, 0)
		posts[i].route = r
		members[i] = posts[i].member()
	}
	members[0].Login = ""
	key, fingerprint := hubKey(t)
	h := startHub(t, HubConfig{Key: key, TLSOnly: true}, members...)
	for i, x := range posts {
		c := secure(client(x, h.Addr()), fingerprint)
		c.Profile = p
		if i == 0 {
			c = Config{Route: x.route, Hub: h}
		}
		d, _ := run(t, c)
		cs = append(cs, d.connected(t).Line)
	}
	return cs
}
