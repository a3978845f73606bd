package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// An office is where a command goes to have something done at a post: to the chancery serve that runs it, through the socket in its
// folder, or, when none runs, to the post opened by this very process. Both speak the same acts, so a command does not know which it met.
type office interface {
	// do has an act done: in is its argument, out what it gives, both as JSON. No private key of a person ever goes in.
	do(ctx context.Context, act string, in, out any) error
	close() error
}

// at goes to the post's office.
func (a *app) at(ctx context.Context) (*folder, office, error) {
	if a.officerDir != "" {
		f, c, err := openOfficer(a.officerDir)
		if err != nil {
			return nil, nil, err
		}
		if c.Via == "" {
			return nil, nil, fmt.Errorf("%s does not say how the post is reached: write via = \"…\" into officer.toml, or carry a request there and back", a.officerDir)
		}
		w, err := dialAway(ctx, c.Via, a.err)
		return f, w, err
	}
	f, err := openFolder(a.dir)
	if err != nil {
		return nil, nil, err
	}
	if c := dialOffice(f); c != nil {
		return f, c, nil
	}
	u, err := a.unlock(ctx, f, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	return f, &here{u, acts(u.Post, f, nil)}, nil
}

// here is a post opened by this process.
type here struct {
	*unlocked
	acts map[string]act
}

func (h *here) do(ctx context.Context, name string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	v, err := h.acts[name](ctx, b)
	if err != nil {
		return err
	}
	if b, err = json.Marshal(v); err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

func (h *here) close() error { return h.unlocked.close() }

// there is a chancery serve on the other side of a socket.
type there struct{ http.Client }

func dialOffice(f *folder) *there {
	c, err := net.Dial("unix", f.socket())
	if err != nil {
		return nil
	}
	c.Close()
	return &there{http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", f.socket())
	}}}}
}

func (t *there) do(ctx context.Context, name string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", "http://post/"+name, bytes.NewReader(b))
	if err != nil {
		return err
	}
	resp, err := t.Do(req)
	if err != nil {
		return fmt.Errorf("the post's server did not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var e refusal
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&e); err != nil {
			return fmt.Errorf("the post's server answered %s", resp.Status)
		}
		return coded{errors.New(e.Error), e.Code}
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (t *there) close() error { t.CloseIdleConnections(); return nil }

type refusal struct {
	Error string `json:"error"`
	Code  int    `json:"code"`
}

// act is one thing that is done at a post.
type act func(ctx context.Context, in []byte) (any, error)

// does makes an act of a function with a typed argument.
func does[In any](f func(ctx context.Context, in In) (any, error)) act {
	return func(ctx context.Context, b []byte) (any, error) {
		var in In
		if err := json.Unmarshal(b, &in); err != nil {
			return nil, fmt.Errorf("the post was asked in a way it does not understand: use the chancery of the same version: %w", err)
		}
		return f(ctx, in)
	}
}

// What acts take and give.
type (
	none    struct{}
	draftID struct {
		ID int64 `json:"id"`
	}
	laidDraft struct {
		draftID
		Unknown  []string `json:"unknown_cover_names,omitempty"`
		Minimize []string `json:"minimize,omitempty"` // orders that restrict traffic where it goes
	}
	prepare struct {
		ID     int64  `json:"id"`
		Person uint32 `json:"person"`
		Key    uint16 `json:"key"`
	}
	signed struct {
		ID       int64  `json:"id"`
		Telegram []byte `json:"telegram"`
		Ed       []byte `json:"ed25519"`
		PQ       []byte `json:"mldsa44,omitempty"`
	}
	edited struct {
		ID   int64  `json:"id"`
		Form string `json:"form"`
	}
	opinion struct {
		ID        int64  `json:"id"`
		Person    uint32 `json:"person"`
		Key       uint16 `json:"key"`
		Remark    string `json:"remark,omitempty"`
		Signature []byte `json:"signature"`
	}
	proved struct {
		Proof string `json:"proof"`
	}
	numbered struct {
		Way    archive.Way `json:"way"`
		Year   int         `json:"year"`
		Number uint32      `json:"number"`
	}
	inbox struct {
		Telegrams []post.Listed      `json:"telegrams"`
		Drafts    []post.DraftListed `json:"drafts"`
		Alarms    []post.Alarm       `json:"alarms"`
		Minimize  []post.Minimizing  `json:"minimize,omitempty"` // orders that restrict traffic
	}
	orders struct {
		Orders []post.Order `json:"orders"`
		More   bool         `json:"more,omitempty"` // there are more than these
	}
	adopted struct {
		Statements int64 `json:"statements"`
		New        bool  `json:"new"`
	}
	status struct {
		Post    string `json:"post"`
		Serving bool   `json:"serving"`
		Hub     string `json:"hub,omitempty"` // where this post's broker listens
		Joined  bool   `json:"joined"`        // connected to a hub
		Since   string `json:"since,omitempty"`
		post.Backlog
	}
	entitled struct {
		People []person `json:"people"`
	}
)

// acts are all that can be done at a post.
func acts(p *post.Post, f *folder, state func() status) map[string]act {
	all := map[string]act{
		"status": does(func(ctx context.Context, _ none) (_ any, err error) {
			st := status{Post: p.Name()}
			if state != nil {
				st = state()
			}
			st.Backlog, err = p.Backlog(ctx)
			return st, err
		}),
		"progress": does(func(ctx context.Context, in numbered) (any, error) { return p.Status(ctx, in.Way, in.Year, in.Number) }),
		"saw":      does(func(ctx context.Context, in numbered) (any, error) { return none{}, p.Saw(ctx, in.Year, in.Number) }),
		"circuits": does(func(ctx context.Context, _ none) (any, error) {
			var st status
			if state != nil {
				st = state()
			}
			list, err := p.Circuits(ctx)
			return circuitList{Serving: st.Serving, Joined: st.Joined, Since: st.Since, Circuits: list}, err
		}),
		"people": does(func(context.Context, none) (any, error) { return peopleOf(p) }),
		"draft": does(func(ctx context.Context, in struct{ Form string }) (any, error) {
			form, err := desk.ParseForm(bytes.NewReader([]byte(in.Form)))
			if err != nil {
				return nil, err
			}
			id, err := p.Draft(ctx, form)
			if err != nil {
				return nil, err
			}
			unknown, _ := p.UnknownCovers(ctx, form) // the draft is made: a warning that cannot be given does not unmake it
			return laidDraft{draftID{id}, unknown, p.Warnings(form)}, nil
		}),
		"draft-state": does(func(ctx context.Context, in draftID) (any, error) { return p.DraftState(ctx, in.ID) }),
		"prepare": does(func(ctx context.Context, in prepare) (any, error) {
			return p.ForHandOver(ctx, in.ID, telegram.KeyRef{Person: in.Person, Key: in.Key})
		}),
		"hand-over": does(func(ctx context.Context, in signed) (any, error) {
			return none{}, p.HandOver(ctx, in.ID, in.Telegram, in.Ed)
		}),
		"edit": does(func(ctx context.Context, in edited) (any, error) {
			form, err := desk.ParseForm(strings.NewReader(in.Form))
			if err != nil {
				return nil, err
			}
			return none{}, p.Edit(ctx, in.ID, form)
		}),
		"history": does(func(ctx context.Context, in draftID) (any, error) { return p.History(ctx, in.ID) }),
		"clear": does(func(ctx context.Context, in opinion) (any, error) {
			return none{}, p.Clear(ctx, in.ID, telegram.KeyRef{Person: in.Person, Key: in.Key}, in.Signature)
		}),
		"return": does(func(ctx context.Context, in opinion) (any, error) {
			return none{}, p.Return(ctx, in.ID, telegram.KeyRef{Person: in.Person, Key: in.Key}, in.Remark, in.Signature)
		}),
		"for-release": does(func(ctx context.Context, in draftID) (any, error) { return p.ForRelease(ctx, in.ID) }),
		"release": does(func(ctx context.Context, in signed) (any, error) {
			return none{}, p.Release(ctx, in.ID, in.Telegram, in.Ed, in.PQ)
		}),
		"inbox": does(func(ctx context.Context, _ none) (any, error) {
			list, alarms, err := p.Inbox(ctx, 200)
			if err != nil {
				return nil, err
			}
			drafts, err := p.Drafts(ctx, 200)
			if err != nil {
				return nil, err
			}
			minimize, err := p.Minimizes()
			return inbox{list, drafts, alarms, minimize}, err
		}),
		"show": does(func(ctx context.Context, in numbered) (any, error) {
			return p.Show(ctx, in.Way, in.Year, in.Number, f.config.Markings)
		}),
		"mail": does(func(ctx context.Context, in numbered) (any, error) {
			b, err := p.Mail(ctx, in.Way, in.Year, in.Number)
			return mailed{Mail: string(b)}, err
		}),
		"file": does(func(ctx context.Context, in toFile) (any, error) {
			filing, fresh, err := p.File(ctx, in.Way, in.Year, in.Number, f.config.Archive, &in.Change)
			return filedNow{in.Way, in.Year, in.Number, fresh, filing}, err
		}),
		"reply": does(func(ctx context.Context, in post.Report) (any, error) {
			form, err := p.Report(ctx, &in)
			if err != nil {
				return nil, err
			}
			id, err := p.Draft(ctx, form)
			return draftID{id}, err
		}),
		"grant": does(func(ctx context.Context, in post.Grant) (any, error) {
			form, err := p.Grant(ctx, &in)
			if err != nil {
				return nil, err
			}
			id, err := p.Draft(ctx, form)
			return draftID{id}, err
		}),
		"another": does(func(ctx context.Context, in post.Another) (any, error) {
			form, err := p.Another(ctx, &in)
			if err != nil {
				return nil, err
			}
			id, err := p.Draft(ctx, form)
			return draftID{id}, err
		}),
		"consider": does(func(ctx context.Context, in draftID) (any, error) { return none{}, p.Consider(ctx, in.ID) }),
		"precedence": does(func(ctx context.Context, in struct{ Months int }) (any, error) {
			return p.Urgent(ctx, in.Months)
		}),
		"orders": does(func(ctx context.Context, in post.OrdersWanted) (any, error) {
			list, err := p.Orders(ctx, in)
			return orders{Orders: list}, err
		}),
		"adopt": does(func(ctx context.Context, in struct{ File []byte }) (any, error) {
			if !directory.IsApplication(in.File) {
				size, fresh, err := p.Adopt(ctx, in.File)
				return adopted{size, fresh}, err
			}
			statements, err := directory.ParseApplication(in.File)
			if err != nil {
				return nil, err
			}
			size, fresh, err := p.Enter(ctx, statements...)
			return adopted{size, fresh}, err
		}),
		"directory": does(func(context.Context, none) (any, error) {
			d, err := p.Directory()
			if err != nil {
				return nil, err
			}
			return struct{ File []byte }{d.Marshal()}, nil
		}),
		"leaving": does(func(ctx context.Context, in struct{ Person uint32 }) (any, error) { return p.Leaving(ctx, in.Person) }),
		"horizon": does(func(ctx context.Context, _ none) (any, error) { return p.Horizon(ctx) }),
		"register-witnesses": does(func(ctx context.Context, _ none) (any, error) {
			list, size, err := p.Witnesses(ctx)
			return witnessList{Size: size, Witnesses: list}, err
		}),
		"register-prove": does(func(ctx context.Context, in numbered) (any, error) {
			proof, err := p.Prove(ctx, in.Way, in.Year, in.Number)
			return proved{proof}, err
		}),
		"disclose":        does(func(ctx context.Context, in post.ToDisclose) (any, error) { return p.Disclose(ctx, &in) }),
		"register-verify": does(func(ctx context.Context, _ none) (any, error) { return p.VerifyRegister(ctx, nil) }),
	}
	maps.Copy(all, copyActs(p, f))
	maps.Copy(all, alarmActs(p))
	maps.Copy(all, coverActs(p))
	maps.Copy(all, attachmentActs(p))
	return all
}

// readBody reads a body in one piece of memory, when it says how long it is.
func readBody(r io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > mostForm {
		return io.ReadAll(r)
	}
	b := make([]byte, length)
	_, err := io.ReadFull(r, b)
	return b, err
}

func peopleOf(p *post.Post) (entitled, error) {
	d, err := p.Directory()
	if err != nil {
		return entitled{}, err
	}
	out := entitled{People: []person{}}
	for _, x := range d.People(p.Name()) {
		if !d.Ended(directory.Subject{Person: x.Number}) {
			out.People = append(out.People, person{Number: x.Number, Roles: x.Roles.String(), Keys: len(d.Keys(x.Number))})
		}
	}
	return out, nil
}

// serveOffice answers commands on the socket until ctx ends. Only the folder's owner can reach it.
func serveOffice(ctx context.Context, f *folder, acts map[string]act, log *slog.Logger) (wait func() error, err error) {
	// The folder's lock is held, so a socket that is there is left over from a crash.
	if err := os.Remove(f.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", f.socket())
	if err != nil {
		return nil, fmt.Errorf("opening the socket for commands: %w (a path of more than 100 bytes is too long for one: use a shorter --dir)", err)
	}
	if err := os.Chmod(f.socket(), 0o600); err != nil {
		l.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	for name, do := range acts {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			b, err := readBody(http.MaxBytesReader(w, r.Body, directory.MaxFile*2), r.ContentLength)
			var v any
			if err == nil {
				v, err = do(r.Context(), b)
			}
			if err != nil {
				w.WriteHeader(http.StatusUnprocessableEntity)
				v = refusal{err.Error(), exitCode(err)}
			}
			if err := json.NewEncoder(w).Encode(v); err != nil {
				log.Warn("answering a command", "act", name, "reason", err)
			}
		})
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return func() error {
		stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := s.Shutdown(stop)
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}
