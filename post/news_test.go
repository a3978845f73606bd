package post_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// governed is the world's directory in which MOSCOW has a grant, administrators and a duty officer, and their keys.
func governed() (d *directory.Directory, admins [2]*seal.Signer, duty *seal.Signer) {
	var ss []directory.Statement
	make := func(number uint32, r directory.Role) *seal.Signer {
		s := seal.NewSigner()
		k := directory.Key{Ref: telegram.KeyRef{Person: number, Key: 1}, Key: public(s)}
		k.Signature = vouch(s, telegram.LabelKey, k.Body())
		ss = append(ss, directory.Person{Number: number, Post: "MOSCOW", Roles: r}, k)
		return s
	}
	admins[0], admins[1], duty = make(150, directory.Administrator), make(151, directory.Administrator), make(152, directory.Duty)
	ss = append(ss, directory.Grant{Post: "MOSCOW", Offices: 10, People: 20, Roles: directory.Drafter | directory.Releaser})
	return after(world().dir, ss...), admins, duty
}

func issue(d *directory.Directory, i directory.Issued, numbers []uint32, signers ...*seal.Signer) directory.Issued {
	f := d.Fingerprint()
	for n, s := range signers {
		i.By = append(i.By, directory.Issuer{Key: telegram.KeyRef{Person: numbers[n], Key: 1}, Signature: vouch(s, telegram.LabelIssue, f.ToIssue(i))})
	}
	return i
}

func suspension(d *directory.Directory, of directory.Subject, duty *seal.Signer) directory.Issued {
	return issue(d, directory.Issued{Statement: directory.Suspend{Of: of, At: time.Now(), Why: "why"}}, []uint32{152}, duty)
}

// total is how many statements a post knows.
func (x *desks) total() int64 {
	d, err := x.Directory()
	if err != nil {
		x.m.t.Fatal(err)
	}
	return d.Total()
}

// What one post adopts reaches the others with which it exchanges telegrams, by itself: a newer list, and what was issued since.
func TestNewsTravels(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	x.send(plain)
	m.delivered("MOSCOW") // the two have heard of each other
	d, admins, duty := governed()
	m.adopts(d, "MOSCOW")
	m.until("BEIJING has the newer list", func() bool { return b.total() == d.Total() })

	office := issue(d, directory.Issued{Statement: directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "MOSCOW"}}, Post: "MOSCOW", Number: 1},
		[]uint32{150, 151}, admins[:]...)
	stop := suspension(d, directory.Subject{Person: x.ref(second).Person}, duty)
	if _, fresh, err := x.Enter(background, office); err != nil || !fresh {
		t.Fatal(err)
	}
	if _, _, err := b.Enter(background, stop); err != nil { // at the other end
		t.Fatal(err)
	}
	m.until("both know both", func() bool { return x.total() == d.Total()+2 && b.total() == d.Total()+2 })
	m.until("both know that of each other", func() bool {
		tail := must(x.Directory()).TailDigest()
		return string(x.bytes("select tail from peer where post = 'BEIJING'")) == string(tail[:]) && string(b.bytes("select tail from peer where post = 'MOSCOW'")) == string(tail[:])
	})
	m.crash() // what is under way is carried
	x.reopen()
	b.reopen()
	m.run()
	m.until("they tell each other nothing more", func() bool {
		sent := len(m.ether.from(x.route)) + len(m.ether.from(b.route))
		time.Sleep(300 * time.Millisecond)
		return len(m.ether.from(x.route))+len(m.ether.from(b.route)) == sent
	})
	// It holds after the root officers have signed all that.
	have, err := x.Directory()
	if err != nil {
		t.Fatal(err)
	}
	m.adopts(after(have), "BEIJING")
	m.until("MOSCOW has the checkpoint", func() bool { d, _ := x.Directory(); return d.Size() == have.Total() })
	m.crash()
	m.whole()
	if x.count("select count(*) from alarm") != 0 || b.count("select count(*) from alarm") != 0 {
		t.Error(x.trouble(), b.trouble())
	}
}

// News that is lost is told again, when the peer is heard to lack it still.
func TestNewsLost(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	x.send(plain)
	m.delivered("MOSCOW")
	m.crash()
	x.reopen()
	b.reopen()
	d, _, _ := governed()
	m.adopts(d, "MOSCOW")
	m.ether.set(func(e *ether) { e.lose = 1 })
	m.run("MOSCOW")
	m.until("it was told", func() bool { return x.count("select count(*) from peer where told > 0") == 1 })
	m.crash()
	m.ether.set(func(e *ether) { e.lose = 0 })
	x.reopen()
	x.skew.Store(int64(2 * time.Hour))
	m.run("MOSCOW", "BEIJING")
	m.until("BEIJING has it", func() bool { return b.total() == d.Total() })
}

// News is no way round any check.
func TestFalseNews(t *testing.T) {
	d, admins, duty := governed()
	of := directory.Subject{Person: 100}
	office := directory.Issued{Statement: directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "MOSCOW"}}, Post: "MOSCOW", Number: 1}
	part := func(d *directory.Directory, from int64) []byte { return must(d.Part(from)) }
	for _, c := range []struct {
		name string
		part []byte
		says string
	}{
		{"no part at all", []byte("nothing\n"), "no part of a directory"},
		{"signed by nobody", part(must(d.Append(directory.Grant{Post: "LONDON", Offices: 1, People: 1})), d.Size()), directory.ErrUnsigned.Error()},
		{"a suspension nobody signed", part(must(d.Enter(suspension(d, of, seal.NewSigner()))), d.Size()), "does not vouch for itself"},
		{"issued by one of two", part(must(d.Enter(issue(d, office, []uint32{150, 151}, admins[0], seal.NewSigner()))), d.Size()), "does not vouch for itself"},
		{"a word altered", altered(part(must(d.Enter(suspension(d, of, duty))), d.Size()), "why why", "why not"), "does not vouch for itself"},
		{"with a hole", part(after(d, directory.Grant{Post: "LONDON", Offices: 1, People: 1}), d.Size()+1), "something between is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, nil)
			b := m.at("BEIJING")
			m.adopts(d, "BEIJING")
			m.run("BEIJING")
			total := b.total()
			_, told := m.arrives(newClerk(m, "MOSCOW", "BEIJING").news(c.part))
			if b.total() != total || !strings.Contains(told, "cannot take") || !strings.Contains(told, c.says) {
				t.Errorf("%d statements, were %d; people were told %s", b.total(), total, told)
			}
		})
	}
	// And it is between these two posts.
	for name, change := range map[string]func(*telegram.News){
		"to another":   func(n *telegram.News) { n.To = "LONDON" },
		"from another": func(n *telegram.News) { n.From = "LONDON" },
	} {
		m := open(t, nil)
		m.run("BEIJING")
		c := newClerk(m, "MOSCOW", "BEIJING")
		n := &telegram.News{From: "MOSCOW", To: "BEIJING", At: time.Now().Unix(), Size: 1, Part: nil}
		change(n)
		if _, told := m.arrives(c.newsOf(n)); !strings.Contains(told, "between other posts") {
			t.Errorf("%s: %s", name, told)
		}
	}
}

// What travels as news is signed as news, beside the letter's own signature.
func TestNewsUnsigned(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	s := telegram.Service{Kind: telegram.ServiceNews, Statement: (&telegram.News{From: "MOSCOW", To: "BEIJING", At: time.Now().Unix(), Size: 1}).Marshal()}
	s.Ed, s.PQ = c.identity.Sign(telegram.LabelReceipt, s.Statement)
	if _, told := m.arrives(c.letter(s.Marshal())); !strings.Contains(told, "the signature on news of the directory does not hold") {
		t.Errorf("people were told %s", told)
	}
}

// More news than goes over the wire is carried by hand, and somebody is told.
func TestTooMuchNews(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	x.send(plain)
	m.delivered("MOSCOW")
	var offices []directory.Statement
	for n := range telegram.MaxNews / 40 {
		offices = append(offices, directory.Office{Address: telegram.Address{Office: fmt.Sprintf("OFFICE %020d", n), Post: "LONDON"}})
	}
	m.adopts(world().sign(must(world().dir.Append(offices...))), "MOSCOW")
	m.until("somebody is told", func() bool {
		return strings.Contains(x.log.String(), "more than goes over the wire: carry it there with")
	})
	if b.total() != world().dir.Total() {
		t.Errorf("BEIJING has %d statements", b.total())
	}
}

func altered(b []byte, old, new string) []byte {
	return []byte(strings.Replace(string(b), old, new, 1))
}

// news makes a service message with a part of a directory.
func (c *clerk) news(part []byte) []byte {
	return c.newsOf(&telegram.News{From: c.of.name, To: c.to.name, At: time.Now().Unix(), Size: c.size, Part: part})
}

func (c *clerk) newsOf(n *telegram.News) []byte {
	s := telegram.Service{Kind: telegram.ServiceNews, Statement: n.Marshal()}
	s.Ed, s.PQ = c.identity.Sign(telegram.LabelNews, s.Statement)
	return c.letter(s.Marshal())
}
