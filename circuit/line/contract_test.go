package line

import (
	"testing"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/telegram"
)

// The first post has the hub in its process, the others reach it by TCP.
func TestContract(t *testing.T) {
	t.Parallel()
	circuittest.Run(t, func(t *testing.T, routes []telegram.Route) []circuit.Carrier {
		posts := make([]post, len(routes))
		members := make([]Member, len(routes))
		for i, r := range routes {
			posts[i] = newPost(t, 0)
			posts[i].route = r
			members[i] = posts[i].member()
		}
		members[0].Login = ""
		h := startHub(t, HubConfig{}, members...)
		var cs []circuit.Carrier
		for i, p := range posts {
			c := client(p, h.Addr())
			if i == 0 {
				c = Config{Route: p.route, Hub: h}
			}
			d, _ := run(t, c)
			cs = append(cs, d.connected(t).Line)
		}
		return cs
	})
}
