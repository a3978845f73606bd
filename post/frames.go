package post

// How telegrams travel once two posts have spoken: a letter opens a chain, and what follows goes in frames, each a tenth of a letter, in the brief form, without
// the releaser's ML-DSA-44 signature. That follows by itself (late.go).
//
// The numbers of frames are taken in the database, in the transaction that stores the envelope; the keys lie in the store of burnable secrets. A key
// is burnt in memory once its frame is stored, or what it says is kept, and on disk within a second. What is burnt on one side and not on the
// other does no harm: a chain of which the store knows nothing is not gone on with, and another letter opens another.

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// sealing is a batch of sections on their way to one post, within its transaction.
type sealing struct {
	to     string
	chain  *outChain // nil while the next section has to be a letter
	next   int       // frame
	opened bool      // by this batch
	used   bool

	// What opened the chain, and whether the post has signed for it. Until it has, nothing more urgent goes in a frame: it would overtake its letter.
	serial    uint32
	level     telegram.Precedence
	confirmed bool
}

// goes says whether a section of that precedence goes in a frame.
func (s *sealing) goes(p telegram.Precedence) bool {
	return s.chain != nil && s.next < frontFrames && (s.confirmed || p <= s.level)
}

// beginSealing finds the chain that goes on.
func (p *Post) beginSealing(tx *store.Tx, to string, now time.Time) (*sealing, error) {
	s := &sealing{to: to}
	if p.keys.Burnable == nil {
		return s, nil
	}
	rows, err := tx.Query("select chain, next, serial, precedence, confirmed from chain_out where post = $1", to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		var confirmed int
		if err := rows.Scan(&id, &s.next, &s.serial, &s.level, &confirmed); err != nil {
			return nil, err
		}
		s.confirmed = confirmed == 1
		if len(id) == 4 && s.next < frontFrames {
			s.chain = p.keys.Burnable.chainTo(to, [4]byte(id), now)
		}
	}
	return s, rows.Err()
}

// seal seals a section: in a frame if there is a chain, else in a letter that opens one.
func (s *sealing) seal(p *Post, tx *store.Tx, v *view, section *telegram.Section, e *telegram.Envelope, now time.Time) error {
	if s.goes(e.Precedence) {
		content := binary.AppendUvarint(nil, uint64(v.dir.Size()))
		if err := p.keys.Burnable.sealFrame(s.chain, e, uint16(s.next), append(content, section.MarshalFrame()...)); err != nil {
			return err
		}
		s.next, s.used = s.next+1, true
		return nil
	}
	recipient, id, route, err := v.recipient(s.to, now)
	if err != nil {
		return err
	}
	payload := section.Marshal()
	if p.keys.Burnable != nil {
		payload = telegram.OpensChain(payload)
		given, givenID, err := p.givenKey(tx, s.to)
		if err != nil {
			return err
		}
		if given != nil {
			recipient, id = given, givenID
		}
	}
	e.To, e.KeyID = route, id
	l := p.letter(v, s.to, payload)
	if err := l.Seal(e, recipient, p.keys.Identity); err != nil || p.keys.Burnable == nil {
		return err
	}
	s.chain, s.next, s.opened, s.used = &outChain{l.Chain(), now, seal.MaxFrames - 1, false}, 0, true, true
	s.serial, s.level, s.confirmed = section.Serial, e.Precedence, false
	return nil
}

// keep writes how far the chain has come.
func (s *sealing) keep(tx *store.Tx) error {
	if !s.used {
		return nil
	}
	confirmed := 0
	if s.confirmed {
		confirmed = 1
	}
	_, err := tx.Exec(`insert into chain_out (post, chain, next, opened, serial, precedence, confirmed) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (post) do update set chain = excluded.chain, next = excluded.next, opened = excluded.opened, serial = excluded.serial, precedence = excluded.precedence,
			confirmed = case when chain_out.chain = excluded.chain and chain_out.confirmed = 1 then 1 else excluded.confirmed end`,
		s.to, s.chain.ID[:], s.next, s.chain.Opened.UnixMilli(), int64(s.serial), int64(s.level), confirmed)
	return err
}

// done burns the keys that were used, once all is on disk.
func (s *sealing) done(p *Post) {
	if s == nil || !s.used {
		return
	}
	if s.opened {
		p.keys.Burnable.openedTo(s.to, s.chain)
	}
	p.keys.Burnable.sentBefore(s.chain, uint16(s.next))
}

// givenKey takes the newest one-time key that a post has given; nil if it gave none. It is used once.
func (p *Post) givenKey(tx *store.Tx, post string) (r *seal.Recipient, id [4]byte, err error) {
	var name, public []byte
	err = tx.QueryRow("select id, xwing from peer_key where post = $1 and length(xwing) > 0", post).Scan(&name, &public)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, id, nil
	}
	if err != nil {
		return nil, id, fmt.Errorf("reading the one-time key that %s gave: %w", post, err)
	}
	// The time at which it was given stays, so that an older one cannot come back.
	if _, err := tx.Exec("update peer_key set xwing = $1 where post = $2", []byte{}, post); err != nil {
		return nil, id, err
	}
	if r, err = seal.NewRecipient(public); err != nil || len(name) != 4 {
		p.config.Log.Error("a one-time key is damaged; the letter key of the directory is taken", "post", post)
		return nil, id, nil
	}
	return r, [4]byte(name), nil
}

// openFrame opens a frame, and says what is used up by it.
func (p *Post) openFrame(v *view, a *arrived) (payload []byte) {
	if p.keys.Burnable == nil {
		a.err = errors.New("a frame, and this post keeps no chains")
		return nil
	}
	from, content, known, err := p.keys.Burnable.openFrame(&a.envelope)
	switch {
	case !known:
		a.err, a.unknown = fmt.Errorf("a frame of chain %x, which this post does not hold", a.envelope.Chain), true
		return nil
	case errors.Is(err, seal.ErrBurnt):
		a.err, a.unknown = err, true
		return nil
	case err != nil:
		a.err = errors.New(seal.Reason(err))
		return nil
	}
	return p.frameSays(v, a, from, content)
}

// frameSays takes the content of a frame apart.
func (p *Post) frameSays(v *view, a *arrived, from string, content []byte) (payload []byte) {
	a.from, a.frame = from, true
	if a.err = v.suspended(from); a.err != nil {
		return nil
	}
	size, n := binary.Uvarint(content)
	if n <= 0 || size > math.MaxInt64 || n > 1 && content[n-1] == 0 {
		a.err = errors.New("the frame's form")
		return nil
	}
	a.directory = int64(size)
	return content[n:]
}

// keyFor is the letter key that opens a letter: of the directory, or given to one post for one letter.
func (p *Post) keyFor(id [4]byte) (key *seal.LetterKey, given string) {
	if key = p.letterKey(id); key == nil && p.keys.Burnable != nil {
		key, given = p.keys.Burnable.letterKey(id)
	}
	return key, given
}

// takeSpent notes that an envelope was opened with a key that is burnt once this is on disk; and which chain it opened.
func (p *Post) takeSpent(tx *store.Tx, a *arrived, now time.Time) error {
	if !a.frame && a.opens == nil {
		return nil
	}
	fresh, err := tx.Exec("insert into opened (digest, post, serial, at) values ($1, $2, $3, $4) on conflict (digest) do nothing", a.digest[:], a.from, int64(a.section.Serial), now.UnixMilli())
	if err != nil {
		return err
	}
	if a.frame {
		return tx.Insert("burn (n, chain, numbers)", 3, []any{p.burnRow(), a.envelope.Chain[:], binary.BigEndian.AppendUint16(nil, a.envelope.Number)}, "")
	}
	if fresh == 0 { // a repeat opens its chain again only where that is the newest and was lost with the memory
		var newest []byte
		if err := tx.QueryRow("select coalesce((select chain from chain_in where post = $1), '')", a.from).Scan(&newest); err != nil {
			return err
		}
		if string(newest) != string(a.opens.ID[:]) {
			a.opens = nil
		}
		return nil
	}
	_, err = tx.Exec(`insert into chain_in (post, chain, opened) values ($1, $2, $3)
		on conflict (post) do update set chain = excluded.chain, opened = excluded.opened`, a.from, a.opens.ID[:], now.UnixMilli())
	return err
}

// burnRow numbers the rows of the table burn: they mean nothing beyond this process, and go within a second.
func (p *Post) burnRow() int64 { return p.config.Now().UnixNano()<<8 | int64(p.burns.Add(1)&0xff) }

// spend burns in memory what a commit has used up, and takes the chains that it opened.
func (p *Post) spend(in []arrived, now time.Time) {
	if p.keys.Burnable == nil {
		return
	}
	u := &used{frames: map[[4]byte][]uint16{}}
	for i := range in {
		a := &in[i]
		if a.frame {
			u.frames[a.envelope.Chain] = append(u.frames[a.envelope.Chain], a.envelope.Number)
		}
		if a.opens != nil {
			u.chains = append(u.chains, &inChain{a.opens, a.from, now})
			if a.given != "" {
				u.once = append(u.once, a.envelope.KeyID)
			}
		}
	}
	p.keys.Burnable.burn(u)
}

// takeAgain answers bytes that were opened before with the receipt again: they are known by their digest, and cannot be opened a second time.
func (p *Post) takeAgain(tx *store.Tx, a *arrived, answer receiptTo) (known bool, err error) {
	var post string
	var serial uint32
	rows, err := tx.Query("select post, serial from opened where digest = $1", a.digest[:])
	if err != nil {
		return false, err
	}
	for rows.Next() {
		known = true
		if err := rows.Scan(&post, &serial); err != nil {
			rows.Close()
			return false, err
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || !known || serial == 0 {
		return known, err
	}
	item, here, err := p.receiptOf(tx, post, serial)
	if err == nil && here {
		answer.add(post, item)
	}
	return true, err
}

// sameChains gives up the chains of which the database does not know that they go on: a stop came between the two.
func (p *Post) sameChains(ctx context.Context) error {
	if p.keys.Burnable == nil {
		return nil
	}
	return p.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query("select post, chain from chain_out")
		if err != nil {
			return fmt.Errorf("reading which chains go on: %w", err)
		}
		defer rows.Close()
		on := map[string][4]byte{}
		for rows.Next() {
			var post string
			var id []byte
			if err := rows.Scan(&post, &id); err != nil {
				return err
			}
			if len(id) == 4 {
				on[post] = [4]byte(id)
			}
		}
		p.keys.Burnable.goOn(on)
		return rows.Err()
	})
}

// burner saves the store of burnable secrets a moment after something was burnt in it, and gives up what is too old.
func (p *Post) burner(ctx context.Context) error {
	looked := p.config.Now()
	for ctx.Err() == nil {
		if now := p.config.Now(); now.Sub(looked) >= time.Hour {
			looked = now
			if err := p.burnLeft(ctx); err != nil && ctx.Err() == nil {
				p.config.Log.Warn("it could not be looked for what is too old; it is tried again", "reason", err)
			}
		}
		if err := p.burnOnDisk(ctx); err != nil && ctx.Err() == nil {
			p.config.Log.Error("what is burnt could not be burnt on disk; it is tried again", "reason", err)
		}
		p.wait(ctx, time.Second)
	}
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := p.burnOnDisk(last); err != nil {
		p.config.Log.Error("what is burnt could not be burnt on disk; it is burnt after the next start", "reason", err)
	}
	return ctx.Err()
}

// burnOnDisk saves, and then forgets what was still to be burnt.
func (p *Post) burnOnDisk(ctx context.Context) error {
	until := p.burnRow()
	if err := p.keys.Burnable.Save(); err != nil {
		return err
	}
	var rows int64
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from burn where n < $1", until).Scan(&rows)
	}); err != nil || rows == 0 {
		return err
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from burn where n < $1", until)
		return err
	})
}

// burnLeft burns what a crash left to be burnt, and what is too old by this post's clock and by the newest time that the other has signed.
func (p *Post) burnLeft(ctx context.Context) error {
	u := &used{frames: map[[4]byte][]uint16{}}
	signed := map[string]int64{}
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query("select chain, numbers from burn")
		if err != nil {
			return err
		}
		for rows.Next() {
			var id, numbers []byte
			if err := rows.Scan(&id, &numbers); err != nil {
				rows.Close()
				return err
			}
			for ; len(id) == 4 && len(numbers) >= 2; numbers = numbers[2:] {
				u.frames[[4]byte(id)] = append(u.frames[[4]byte(id)], binary.BigEndian.Uint16(numbers))
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if rows, err = tx.Query("select post, signed from peer"); err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var post string
			var at int64
			if err := rows.Scan(&post, &at); err != nil {
				return err
			}
			signed[post] = at
		}
		return rows.Err()
	}); err != nil {
		return err
	}
	p.keys.Burnable.burn(u)
	now := p.config.Now()
	p.keys.Burnable.expire(func(post string) time.Time {
		if theirs := time.Unix(signed[post], 0); theirs.Before(now) {
			return theirs.Add(-chainKept)
		}
		return now.Add(-chainKept)
	})
	newest := now
	if len(signed) > 0 {
		newest = time.Unix(slices.Max(slices.Collect(maps.Values(signed))), 0)
	}
	if newest.After(now) {
		newest = now
	}
	p.keys.Burnable.expirePeriods(newest.Add(-periodGrace))
	return p.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from opened where at < $1", now.Add(-2*chainKept).UnixMilli())
		return err
	})
}

// digestOf is by what an envelope is known again.
func digestOf(e *telegram.Envelope) [32]byte { return sha256.Sum256(e.Marshal()) }

// briefly says whether a telegram goes in the brief form: it does if it begins in a frame, and as it began it goes on.
func (s *sealing) briefly(w *circuit.Waiting) bool {
	if w.Form != circuit.FormOpen {
		return w.Form == circuit.FormBrief
	}
	return s.goes(w.Precedence)
}

// lostChain says whether the chain by which a post sends is lost here: this post has kept that it was opened, and not its keys.
func (p *Post) lostChain(tx *store.Tx, post string) (bool, error) {
	if p.keys.Burnable == nil {
		return false, nil
	}
	var id []byte
	if err := tx.QueryRow("select coalesce((select chain from chain_in where post = $1), '')", post).Scan(&id); err != nil {
		return false, fmt.Errorf("reading the chain from %s: %w", post, err)
	}
	return len(id) == 4 && !p.keys.Burnable.has(post, [4]byte(id)), nil
}

// forgetChain gives up the chain to a post, which has lost it. News of the directory that went in it is told again.
func forgetChain(tx *store.Tx, post string) error {
	n, err := tx.Exec("delete from chain_out where post = $1", post)
	if err == nil && n > 0 {
		_, err = tx.Exec("update peer set told = 0 where post = $1", post)
		tx.Notify(topicDirectory)
	}
	if err != nil {
		return fmt.Errorf("giving up the chain to %s: %w", post, err)
	}
	return nil
}

// confirmChain notes that a post has signed for a telegram, if a letter of it opened the chain there. A telegram that was sealed anew may have arrived as it was
// sealed before, and its letter nowhere: then another letter opens another chain.
func (p *Post) confirmChain(tx *store.Tx, post string, serial uint32, anew bool) error {
	if p.keys.Burnable == nil {
		return nil
	}
	if anew {
		_, err := tx.Exec("delete from chain_out where post = $1 and serial = $2 and confirmed = 0", post, int64(serial))
		return err
	}
	n, err := tx.Exec("update chain_out set confirmed = 1 where post = $1 and serial = $2 and confirmed = 0", post, int64(serial))
	if err != nil || n == 0 {
		return err
	}
	var id []byte
	if err := tx.QueryRow("select chain from chain_out where post = $1", post).Scan(&id); err != nil {
		return err
	}
	// In memory it may be confirmed although this transaction fails: the receipt is there all the same, and the post has the chain.
	if len(id) == 4 {
		p.keys.Burnable.confirm(post, [4]byte(id))
	}
	return nil
}

// openSecond opens frames whose chain a letter of the same arrival opens.
func (p *Post) openSecond(v *view, in []arrived) {
	for i := range in {
		a := &in[i]
		if !a.unknown || a.envelope.Type != telegram.Frame {
			continue
		}
		for j := range in {
			if o := &in[j]; o.opens != nil && o.err == nil && o.opens.ID == a.envelope.Chain {
				if content, err := o.opens.Open(&a.envelope); err == nil {
					a.err, a.unknown = nil, false
					p.readPayload(v, a, p.frameSays(v, a, o.from, content))
				}
			}
		}
	}
}
