package post

import (
	"crypto/rand"
	"slices"
	"time"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// What is done with the secrets of a Burnable: sealed and opened with, burnt, and given.

// chainTo is the chain to a post of that name of a chain, if it is here and young enough.
func (b *Burnable) chainTo(post string, id [4]byte, now time.Time) *outChain {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.out[post]
	if c == nil || c.ID != id || now.Sub(c.Opened) >= chainFor {
		return nil
	}
	return c
}

// sealFrame seals into a frame of a chain. It burns nothing.
func (b *Burnable) sealFrame(c *outChain, e *telegram.Envelope, number uint16, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.Seal(e, number, content)
}

// opened takes the chain that a letter to a post has opened, and burns the one before.
func (b *Burnable) openedTo(post string, c *outChain) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out[post], b.dirty = c, true
}

// sentBefore burns the keys of the sections' frames before one, which is the next.
func (b *Burnable) sentBefore(c *outChain, next uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.BurnBefore(next)
	b.dirty = true
}

// confirm notes that a post has signed for the letter that opened a chain.
func (b *Burnable) confirm(post string, id [4]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.out[post]; c != nil && c.ID == id && !c.Confirmed {
		c.Confirmed, b.dirty = true, true
	}
}

// sealService seals a service message on the chain to a post, and burns its key; false says that there is no chain, or no frame left for it. A chain that is not
// confirmed bears none: a receipt is in a hurry, and would overtake the letter that opens it.
func (b *Burnable) sealService(post string, e *telegram.Envelope, content []byte, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.out[post]
	if c == nil || !c.Confirmed || now.Sub(c.Opened) >= chainFor || int(c.Service) < frontFrames {
		return false
	}
	if c.Seal(e, c.Service, content) != nil {
		return false
	}
	c.Burn(c.Service)
	c.Service--
	b.dirty = true
	return true
}

// openFrame opens a frame on whichever chain has its name, and says whose it is. known is false if no chain has it.
func (b *Burnable) openFrame(e *telegram.Envelope) (from string, content []byte, known bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.in {
		if c.ID != e.Chain {
			continue
		}
		known = true
		if content, err = c.Open(e); err == nil {
			return c.Post, content, true, nil
		}
	}
	return "", nil, known, err
}

// letterKey is the one-time key of that name, and for whose letter it was made; or a letter key of the directory, which is for anybody's.
func (b *Burnable) letterKey(id [4]byte) (key *seal.LetterKey, post string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.once {
		if k.ID == id {
			return k.Key, k.Post
		}
	}
	for _, k := range b.terms {
		if k.ID == id {
			return k.Key, ""
		}
	}
	return nil, ""
}

// addPeriod keeps a letter key of the directory, and is on disk when it returns: somebody may seal to it from then on.
func (b *Burnable) addPeriod(k *periodKey) error {
	b.mu.Lock()
	b.terms, b.dirty = append(b.terms, k), true
	b.mu.Unlock()
	return b.Save()
}

// expirePeriods burns letter keys whose time was over before a moment.
func (b *Burnable) expirePeriods(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.terms)
	b.terms = slices.DeleteFunc(b.terms, func(k *periodKey) bool { return k.NotAfter.Before(before) })
	b.dirty = b.dirty || len(b.terms) != n
}

// used is what one commit has used up, and opened.
type used struct {
	frames map[[4]byte][]uint16
	once   [][4]byte
	chains []*inChain
}

// burn burns in memory what was used, and takes the chains that were opened.
func (b *Burnable) burn(u *used) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range u.chains {
		if !slices.ContainsFunc(b.in, func(x *inChain) bool { return x.ID == c.ID && x.Post == c.Post }) {
			b.in = append(b.in, c)
			b.dirty = true
			b.crowd(c.Post)
		}
	}
	for id, numbers := range u.frames {
		for _, c := range b.in {
			for _, n := range numbers {
				if c.ID == id {
					c.Burn(n)
					b.dirty = true
				}
			}
		}
	}
	b.once = slices.DeleteFunc(b.once, func(k *oneTime) bool {
		gone := slices.Contains(u.once, k.ID)
		b.dirty = b.dirty || gone
		return gone
	})
}

// crowd burns the oldest of a post's chains when there are too many.
func (b *Burnable) crowd(post string) {
	n := 0
	for _, c := range slices.Backward(b.in) {
		if c.Post == post {
			if n++; n > maxChainsIn {
				b.in = slices.DeleteFunc(b.in, func(x *inChain) bool { return x == c })
			}
		}
	}
}

// offer gives the public half of the one-time key that a post is to seal its next letter to, and makes one where there is none.
func (b *Burnable) offer(post string, now time.Time) (id [4]byte, public []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.once {
		if k.Post == post {
			return k.ID, k.Key.Public(), nil
		}
	}
	key, err := seal.NewLetterKey()
	if err != nil {
		return id, nil, err
	}
	rand.Read(id[:])
	b.once, b.dirty = append(b.once, &oneTime{id, post, key, now}), true
	return id, key.Public(), nil
}

// has says whether the chain of that name from a post is here.
func (b *Burnable) has(post string, id [4]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.in, func(c *inChain) bool { return c.Post == post && c.ID == id })
}

// held names the keys that open a post's letters, and the chains that open its frames.
func (b *Burnable) held(post string) (keys, chains [][4]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.terms {
		keys = append(keys, k.ID)
	}
	for _, k := range b.once {
		if k.Post == post {
			keys = append(keys, k.ID)
		}
	}
	for _, c := range b.in {
		if c.Post == post {
			chains = append(chains, c.ID)
		}
	}
	return keys, chains
}

// goOn burns all chains to posts but those named.
func (b *Burnable) goOn(named map[string][4]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for post, c := range b.out {
		if id, ok := named[post]; !ok || id != c.ID {
			delete(b.out, post)
			b.dirty = true
		}
	}
}

// giveUp burns the chain to a post: it does not open there any more.
func (b *Burnable) giveUp(post string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out[post] != nil {
		delete(b.out, post)
		b.dirty = true
	}
}

// expire burns chains from before a time, and those that are used up.
func (b *Burnable) expire(before func(post string) time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.in)
	b.in = slices.DeleteFunc(b.in, func(c *inChain) bool { return c.Spent() || c.Opened.Before(before(c.Post)) })
	b.dirty = b.dirty || len(b.in) != n
}

// oldest is since when what is sealed to the secrets here can be opened with them: the oldest chain in, one-time key, and letter key of the directory; zero
// if there is none.
func (b *Burnable) oldest() (chain, once, term time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.in {
		if chain.IsZero() || c.Opened.Before(chain) {
			chain = c.Opened
		}
	}
	for _, k := range b.once {
		if once.IsZero() || k.Made.Before(once) {
			once = k.Made
		}
	}
	for _, k := range b.terms {
		if term.IsZero() || k.NotBefore.Before(term) {
			term = k.NotBefore
		}
	}
	return chain, once, term
}
