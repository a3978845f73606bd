package post

// How posts keep watch over each other's registers. At fixed times, news or no news, a post shows each other that it corresponds with what is new
// in its register: the signed checkpoint, and salted hashes of the entries. The other holds that against all it was shown before, signs
// the checkpoint in its turn, and says which state of third posts' registers it knows. So a register that was rewritten, put back, or shown
// to two posts in two ways contradicts what somebody has; and a telegram that was entered later than it says is found by proof.go.
//
// Nothing here is queued or entered: what is lost is said again at the next time.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// silentFor is how long a post may have nothing to say and say nothing.
const silentFor = 24 * time.Hour

// witnessed is a witness's message with what was opened in it.
type witnessed struct {
	*telegram.Witness
	checkpoint register.Checkpoint // of the sender's own register, when there is news of it
	cosigned   bool                // the signatures under this post's checkpoint hold
	evidence   []evidence
}

// evidence is a checkpoint that was shown, with the post whose it is.
type evidence struct {
	telegram.Evidence
	register.Checkpoint
	post string
}

// answerTo is what a witness's message is answered with: this post's signature, more of its register, what contradicts the sender's knowledge.
type answerTo struct {
	cosign, more bool
	evidence     []owed
}

// owed is what is to be shown to another: how the register of a post began.
type owed struct {
	post   string
	prefix int64
}

func (a *answerTo) empty() bool { return !a.cosign && !a.more && len(a.evidence) == 0 }

// exchange shows each post what is new when it is time for it, or all, as after a start: it may be one on a database that was put back.
func (p *Post) exchange(ctx context.Context, carrier circuit.Carrier, all bool) error {
	v, err := p.refresh(ctx)
	if err != nil {
		return err
	}
	now := p.config.Now()
	due, err := p.toShow(ctx, now, all)
	if err != nil {
		return err
	}
	var failed []error
	for _, to := range due {
		if v.suspended(to) != nil || v.identity(to) == nil {
			continue
		}
		if err := p.sendWitness(ctx, v, carrier, to, &answerTo{cosign: true, more: true}, false); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", to, err))
			continue
		}
		if err := p.db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update peer set exchanged = $1 where post = $2", now.UnixMilli(), to)
			return err
		}); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// toShow lists the posts whose time it is. The times are the same for all, so that they sign the same checkpoint, and other for each post that
// shows, so that not all of them speak at once.
func (p *Post) toShow(ctx context.Context, now time.Time, all bool) (due []string, err error) {
	turn := func(post string, at time.Time) int64 {
		every := p.config.Witness
		if p.way(post).Metered {
			every = silentFor
		}
		return at.Add(time.Duration(p.config.Route[2])*every/256).UnixMilli() / max(every.Milliseconds(), 1)
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		due = nil
		size, err := register.Size(tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query("select post, holds, exchanged from peer order by post")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var post string
			var holds, last int64
			if err := rows.Scan(&post, &holds, &last); err != nil {
				return err
			}
			at := time.UnixMilli(last)
			if all || last == 0 || turn(post, at) != turn(post, now) && (holds != size || now.Sub(at) >= silentFor) {
				due = append(due, post)
			}
		}
		return rows.Err()
	})
	return due, err
}

// sendWitness makes and sends a witness's message. When it is no answer a post also claims what it knows of third posts.
func (p *Post) sendWitness(ctx context.Context, v *view, carrier circuit.Carrier, to string, a *answerTo, answers bool) error {
	at := p.config.Now() // before the register is read: what is written later is later than this
	w := &telegram.Witness{From: p.config.Name, To: to, At: at.Unix(), Answer: answers}
	if err := p.db.Read(ctx, func(tx *store.Tx) error { return p.fillWitness(tx, v, w, a) }); err != nil {
		return err
	}
	statement := w.Marshal()
	s := telegram.Service{Kind: telegram.ServiceWitness, Statement: statement}
	s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelWitness, statement)
	// It is in no hurry: everything else goes first.
	return p.sendService(ctx, v, carrier, to, telegram.Deferred, &s, at)
}

func (p *Post) fillWitness(tx *store.Tx, v *view, w *telegram.Witness, a *answerTo) error {
	if a.more {
		var held int64
		if err := tx.QueryRow("select holds from peer where post = $1", w.To).Scan(&held); err != nil {
			return err
		}
		first, err := firstFor(tx, w.To)
		if err != nil {
			return err
		}
		if w.Log, _, err = register.NewsFor(tx, held, first); err != nil {
			return err
		}
	}
	all, err := register.AllFollowed(tx)
	if err != nil {
		return err
	}
	for _, f := range all {
		d, ok := v.dir.Post(f.Post)
		switch {
		case !ok:
		case f.Post == w.To:
			w.Held, w.HeldRoot = uint64(f.Size), f.Root
			if !a.cosign {
				break
			}
			if w.Cosignatures, err = p.cosign(register.CheckpointText(register.Origin(d.Route), f.Size, f.Root)); err != nil {
				return err
			}
		case !w.Answer && len(w.Claims) < telegram.MaxClaims:
			w.Claims = append(w.Claims, telegram.Claim{Route: d.Route, Size: uint64(f.Size), Root: f.Root})
		}
	}
	for _, x := range a.evidence {
		e, err := register.EvidenceOf(tx, x.post, x.prefix)
		if err != nil {
			return err
		}
		if e.Checkpoint != "" {
			w.Evidence = append(w.Evidence, e)
		}
	}
	if w.Answer {
		return nil
	}
	return p.showContradicted(tx, w)
}

// showContradicted adds the checkpoints of those who showed two registers, so that everybody learns of it.
func (p *Post) showContradicted(tx *store.Tx, w *telegram.Witness) error {
	rows, err := tx.Query("select ours from contradiction where post <> $1 order by at desc", w.To)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() && len(w.Evidence) < telegram.MaxEvidence {
		var e telegram.Evidence
		if err := rows.Scan(&e.Checkpoint); err != nil {
			return err
		}
		if e.Checkpoint != "" {
			w.Evidence = append(w.Evidence, e)
		}
	}
	return rows.Err()
}

// firstFor is the first entry of the register that a post can make anew, since it was sent the telegram; -1 if there is none.
func firstFor(tx *store.Tx, post string) (idx int64, err error) {
	idx = -1
	for _, t := range []telegram.Type{telegram.Operation, telegram.Exercise, telegram.Drill} { // by serial: there is an index for that
		var first int64
		if err := tx.QueryRow("select coalesce((select e.idx from outbox o join entry e on e.of = o.of where o.post = $1 and o.serial >= $2 order by o.serial limit 1), -1)",
			post, int64(t.Mark(1))).Scan(&first); err != nil {
			return 0, err
		}
		if first >= 0 && (idx < 0 || first < idx) {
			idx = first
		}
	}
	return idx, nil
}

// cosign signs another post's checkpoint as a witness (C2SP tlog-cosignature) and gives the signature lines.
func (p *Post) cosign(text string) (string, error) {
	signers, err := p.cosigners()
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(string(signed), text+"\n"), nil
}

// openWitness reads a witness's message and checks every signature in it. It touches no database.
func (p *Post) openWitness(v *view, from string, s *telegram.Service) (*witnessed, error) {
	m, err := signedBy(v, from, s, telegram.LabelWitness, "the signature on a witness's message", telegram.ParseWitness)
	if err != nil {
		return nil, err
	}
	if m.From != from || m.To != p.config.Name {
		return nil, errors.New("the witness's message is between other posts")
	}
	w := &witnessed{Witness: m}
	if m.Log != nil {
		if w.checkpoint, err = v.openCheckpoint(m.From, m.Log.Checkpoint); err != nil {
			return nil, fmt.Errorf("news of its register: %w", err)
		}
	}
	if m.Cosignatures != "" {
		verifiers, _, err := v.register(m.From)
		if err != nil {
			return nil, err
		}
		signed := register.CheckpointText(p.origin(), int64(m.Held), m.HeldRoot) + "\n" + m.Cosignatures
		if _, err := register.OpenCheckpoint(signed, p.origin(), verifiers); err != nil {
			return nil, fmt.Errorf("its signature under this post's checkpoint: %w", err)
		}
		w.cosigned = true
	}
	for _, e := range m.Evidence {
		x := evidence{Evidence: e}
		origin, _, _ := strings.Cut(e.Checkpoint, "\n")
		if x.post = v.registerOf(origin); x.post == "" {
			continue // of a post that this directory does not have
		}
		if x.Checkpoint, err = v.openCheckpoint(x.post, e.Checkpoint); err != nil {
			return nil, fmt.Errorf("evidence about %s: %w", x.post, err)
		}
		w.evidence = append(w.evidence, x)
	}
	return w, nil
}

// takeWitness takes what another post says of registers, inside the transaction, and says what it is answered with.
func (p *Post) takeWitness(tx *store.Tx, w *witnessed, v *view, now time.Time) (a answerTo, err error) {
	if _, err := tx.Exec("insert into peer (post, size, tail, told, version, exchanged) values ($1, 0, $2, 0, 0, $3) on conflict (post) do nothing", w.From, []byte{}, now.UnixMilli()); err != nil {
		return a, err
	}
	if w.Log != nil {
		if err := p.follow(tx, w, &a, now); err != nil {
			return a, err
		}
	}
	if err := p.takeHeld(tx, w, &a, now); err != nil {
		return a, err
	}
	for _, c := range w.Claims {
		if err := p.compareClaim(tx, v, &c, &a); err != nil {
			return a, err
		}
	}
	for _, e := range w.evidence {
		if err := p.judgeEvidence(tx, &e, w.From, &a, now); err != nil {
			return a, err
		}
	}
	return a, nil
}

// follow takes what is new in the sender's register.
func (p *Post) follow(tx *store.Tx, w *witnessed, a *answerTo, now time.Time) error {
	from, leaves, err := register.Follow(tx, w.From, w.Log, w.checkpoint, w.At, now.UnixMilli())
	switch {
	case errors.Is(err, register.ErrGap):
		a.cosign = true // it says with it how much is held, and the other begins there
		return nil
	case errors.Is(err, register.ErrOlder):
		a.owe(w.From, w.checkpoint.Size) // if an old copy was put back there, it learns of it
		return nil
	case errors.Is(err, register.ErrShorter), errors.Is(err, register.ErrContradicts):
		a.owe(w.From, w.checkpoint.Size)
		what := "It put an older copy of its database back, or somebody cut off the end of its register: it may give numbers a second time"
		if errors.Is(err, register.ErrContradicts) {
			what = "Somebody rewrote it, or it keeps two: what it sent before can be contested"
		}
		return p.contradicted(tx, w.From, w.Log.Checkpoint, fmt.Sprintf("%v. %s. Keep this post's database, which has the proof (chancery register witnesses), and call the administrators of %s and your ministry", err, what, w.From), now)
	case errors.Is(err, register.ErrUnsound):
		return p.alarm(tx, w.From, fmt.Sprintf("news of its register cannot be taken: %v", err))
	case err != nil:
		return err
	}
	a.cosign = a.cosign || len(w.Log.Leaves) > 0 // whoever shows what is known here already has not heard so yet
	return p.proveNew(tx, w.From, from, leaves, now)
}

// takeHeld takes what the sender holds of this post's register, with its signature under that.
func (p *Post) takeHeld(tx *store.Tx, w *witnessed, a *answerTo, now time.Time) error {
	size, err := register.Size(tx)
	if err != nil {
		return err
	}
	held := int64(min(w.Held, uint64(size)))
	var before int64
	if err := tx.QueryRow("select holds from peer where post = $1", w.From).Scan(&before); err != nil {
		return err
	}
	if w.Held > uint64(size) {
		// The other has seen a longer one. It is shown this one, and answers with the checkpoint that this post has signed.
		a.more = a.more || !w.Answer
	} else if root, err := register.RootOf(tx, held); err != nil {
		return err
	} else if held > 0 && root != w.HeldRoot {
		a.more = a.more || !w.Answer
		if err := p.alarm(tx, w.From, fmt.Sprintf("it holds another register of this post, of %d entries, than this post has. Somebody shows one in this post's name, or this post's was rewritten. Call your ministry, and keep the disk as it is", held)); err != nil {
			return err
		}
	} else if w.cosigned {
		if _, err := tx.Exec(`insert into cosignature (post, size, lines, at) values ($1, $2, $3, $4) on conflict (post) do update
			set size = excluded.size, lines = excluded.lines, at = excluded.at where excluded.size >= cosignature.size`, w.From, held, w.Cosignatures, now.UnixMilli()); err != nil {
			return err
		}
	}
	// Of a long register one part after the other is shown, each when the one before was said to be there.
	a.more = a.more || held > before && size-held > register.FirstNews
	_, err = tx.Exec("update peer set holds = $1 where post = $2", held, w.From)
	return err
}

// compareClaim holds what another post knows of a third post's register against what is known here.
func (p *Post) compareClaim(tx *store.Tx, v *view, c *telegram.Claim, a *answerTo) error {
	post := v.registerOf(register.Origin(c.Route))
	if post == "" || post == p.config.Name || c.Size > 1<<62 {
		return nil
	}
	root, known, err := register.RootAt(tx, post, int64(c.Size))
	if err != nil || !known || root == c.Root {
		return err
	}
	a.owe(post, int64(c.Size))
	return nil
}

// judgeEvidence holds a signed checkpoint of somebody's register that another post shows against what is known of it here.
func (p *Post) judgeEvidence(tx *store.Tx, e *evidence, from string, a *answerTo, now time.Time) error {
	prefix, shown, err := register.CheckEvidence(&e.Evidence, e.Checkpoint)
	if err != nil {
		return p.alarm(tx, from, fmt.Sprintf("it shows evidence about %s that proves nothing: %v", e.post, err))
	}
	if e.post == p.config.Name {
		return p.judgeOwn(tx, e, from, now)
	}
	root, known, err := register.RootAt(tx, e.post, e.Size)
	if err != nil {
		return err
	}
	contradicts := known && root != e.Root
	if shown && !contradicts {
		if root, known, err = register.RootAt(tx, e.post, int64(e.Prefix)); err != nil {
			return err
		}
		contradicts = known && root != prefix
	}
	if !contradicts {
		return nil
	}
	var before int64
	if err := tx.QueryRow("select count(*) from contradiction where post = $1", e.post).Scan(&before); err != nil {
		return err
	}
	if before == 0 {
		a.owe(e.post, e.Size)
	}
	return p.contradicted(tx, e.post, e.Evidence.Checkpoint, fmt.Sprintf("It signed one register for this post and another for %s. What it sent can be contested. Keep this post's database, which has the proof (chancery register witnesses), and call the administrators of %s and your ministry", from, e.post), now)
}

// judgeOwn is for a checkpoint that this post's own key has signed.
func (p *Post) judgeOwn(tx *store.Tx, e *evidence, from string, now time.Time) error {
	size, err := register.Size(tx)
	if err != nil {
		return err
	}
	if e.Size > size {
		return p.contradicted(tx, p.config.Name, e.Evidence.Checkpoint, fmt.Sprintf("this post's register is older than the one that %s was shown, of %d entries: an old copy of the database was put back. Numbers that were given will be given again, and refused elsewhere. Stop the post, look for the newer database, and call your ministry", from, e.Size), now)
	}
	root, err := register.RootOf(tx, e.Size)
	if err != nil || root == e.Root {
		return err
	}
	return p.contradicted(tx, p.config.Name, e.Evidence.Checkpoint, fmt.Sprintf("%s shows a register of %d entries that was signed with this post's register key and is not this post's: the database was rewritten or put back, or somebody else has the key. Stop the post, keep the disk as it is, and call your ministry", from, e.Size), now)
}

// contradicted raises the alarm about a post that signed two registers, and keeps the first proof.
func (p *Post) contradicted(tx *store.Tx, post, theirs, what string, now time.Time) error {
	var ours string
	if f, err := register.FollowedOf(tx, post); err != nil {
		return err
	} else if f != nil {
		ours = f.Note
	}
	if err := tx.Insert("contradiction (post, at, what, ours, theirs)", 5, []any{post, now.UnixMilli(), what, ours, theirs}, "on conflict (post) do nothing"); err != nil {
		return err
	}
	return p.alarm(tx, post, what)
}

// owe has the answer show how a post's register began. It is made when it is sent: it may take its time, and nothing waits for it.
func (a *answerTo) owe(post string, prefix int64) {
	if len(a.evidence) < telegram.MaxEvidence && !slices.ContainsFunc(a.evidence, func(x owed) bool { return x.post == post }) {
		a.evidence = append(a.evidence, owed{post, prefix})
	}
}

// register gives the verifiers of a post's register key, and the name of its register.
func (v *view) register(post string) ([]note.Verifier, string, error) {
	d, ok := v.dir.Post(post)
	if !ok {
		return nil, "", fmt.Errorf("the directory has no post %s", post)
	}
	origin := register.Origin(d.Route)
	if x, ok := v.parsed.Load("register of " + post); ok {
		return x.([]note.Verifier), origin, nil
	}
	key, err := seal.NewVerifier(d.Register.Ed25519, d.Register.MLDSA)
	if err != nil {
		return nil, "", err
	}
	verifiers, err := key.Cosigners(origin)
	if err != nil {
		return nil, "", err
	}
	v.parsed.Store("register of "+post, verifiers)
	return verifiers, origin, nil
}

func (v *view) openCheckpoint(post, signed string) (register.Checkpoint, error) {
	verifiers, origin, err := v.register(post)
	if err != nil {
		return register.Checkpoint{}, err
	}
	return register.OpenCheckpoint(signed, origin, verifiers)
}

// registerOf is the post whose register has a name; "" if the directory has none.
func (v *view) registerOf(origin string) string {
	for _, d := range v.dir.Posts() {
		if register.Origin(d.Route) == origin {
			return d.Name
		}
	}
	return ""
}
