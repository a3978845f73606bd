package post

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"chancery.example/chancery/store"
)

// Alarms are for people. One is open until a person closes it with a remark, or, when it has a cause that can go away, until that has gone: then it
// closes by itself. The same again opens it again. Nothing waits for an alarm to be closed.

// Alarm is something that somebody must look at, or had to.
type Alarm struct {
	ID     int64      `json:"id"`
	At     time.Time  `json:"at"` // the last time
	Post   string     `json:"post"`
	What   string     `json:"what"`
	Times  int        `json:"times"`
	Mends  bool       `json:"mends"` // it closes by itself when its cause has gone
	Closed *time.Time `json:"closed,omitempty"`
	Why    string     `json:"why,omitempty"` // it was last closed
}

// maxAlarms is how many different alarms about one post are kept open, and closed; what more there is, is counted, and stands in the log. A hostile
// post can raise as many as it likes, and must neither fill the disk nor bury what there is about others.
const maxAlarms = 100

// alarm keeps an alarm for people; the same again is counted.
func (p *Post) alarm(tx *store.Tx, post, what string) error { return p.alarmWhile(tx, post, "", what) }

// alarmWhile keeps an alarm that closes when mended is called with its cause. There is one for each cause, with the words that were said last.
func (p *Post) alarmWhile(tx *store.Tx, post, cause, what string) error {
	p.config.Log.Error("alarm", "post", post, "what", what)
	now := p.config.Now().UnixMilli()
	again := func(what string) (bool, error) {
		query := "update alarm set times = times + 1, at = $1, closed = null where post = $2 and what = $3 and cause = $4"
		if cause != "" {
			query = "update alarm set times = times + 1, at = $1, closed = null, what = $3 where post = $2 and cause = $4"
		}
		n, err := tx.Exec(query, now, post, what, cause)
		return n > 0, err
	}
	if known, err := again(what); err != nil || known {
		return err
	}
	var kept, id int64
	if err := tx.QueryRow("select count(*) from alarm where post = $1 and closed is null", post).Scan(&kept); err != nil {
		return err
	}
	if kept >= maxAlarms && cause == "" {
		what = "there are more alarms about it than are kept: see the log"
		if known, err := again(what); err != nil || known {
			return err
		}
	}
	if err := tx.QueryRow("insert into counter (name, last) values ('alarm', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&id); err != nil {
		return err
	}
	return tx.Insert("alarm (id, at, post, what, times, cause)", 6, []any{id, now, post, what, 1, cause}, "")
}

// mended closes the alarm about a post that has a cause, if it is open.
func (p *Post) mended(tx *store.Tx, post, cause, why string) error {
	n, err := tx.Exec("update alarm set closed = $1, why = $2 where post = $3 and cause = $4 and closed is null", p.config.Now().UnixMilli(), "by itself: "+why, post, cause)
	if err != nil || n == 0 {
		return err
	}
	p.config.Log.Info("an alarm has mended itself", "post", post, "cause", cause, "why", why)
	return forgetClosed(tx, post)
}

// forgetClosed keeps no more closed alarms about a post than may be kept.
func forgetClosed(tx *store.Tx, post string) error {
	_, err := tx.Exec(`delete from alarm where post = $1 and closed is not null and id not in (select id from alarm where post = $1 and closed is not null order by closed desc, id desc limit $2)`, post, maxAlarms)
	return err
}

// MaxRemark bounds what a person says who closes an alarm, in bytes.
const MaxRemark = 1000

// ErrNoAlarm is in the error for an alarm that is not there.
var ErrNoAlarm = errors.New("there is no such alarm")

// CloseAlarm closes an alarm, with a remark. Closing what is closed changes nothing.
func (p *Post) CloseAlarm(ctx context.Context, id int64, remark string) (a Alarm, err error) {
	remark = strings.TrimSpace(remark)
	if remark == "" || len(remark) > MaxRemark || strings.ContainsFunc(remark, unicode.IsControl) {
		return a, fmt.Errorf("say in one line, of at most %d bytes, why the alarm is closed", MaxRemark)
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("update alarm set closed = $1, why = $2 where id = $3 and closed is null", p.config.Now().UnixMilli(), remark, id); err != nil {
			return err
		}
		all, err := readAlarms(tx, "id = $1", id)
		if err == nil && len(all) == 0 {
			return fmt.Errorf("alarm %d: %w", id, ErrNoAlarm)
		}
		if err != nil {
			return err
		}
		a = all[0]
		return forgetClosed(tx, a.Post)
	})
	return a, err
}

// Alarms lists the alarms that are open, or all, the newest first.
func (p *Post) Alarms(ctx context.Context, closed bool) (out []Alarm, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) (err error) {
		where := "closed is null and id > $1"
		if closed {
			where = "id > $1"
		}
		out, err = readAlarms(tx, where, 0)
		return err
	})
	return out, err
}

func readAlarms(tx *store.Tx, where string, arg int64) ([]Alarm, error) {
	rows, err := tx.Query("select id, at, post, what, times, cause, closed, coalesce(why, '') from alarm where "+where+" order by at desc, id desc limit 1000", arg)
	if err != nil {
		return nil, fmt.Errorf("reading the alarms: %w", err)
	}
	defer rows.Close()
	out := []Alarm{}
	for rows.Next() {
		var a Alarm
		var at int64
		var cause string
		var closed sql.NullInt64
		if err := rows.Scan(&a.ID, &at, &a.Post, &a.What, &a.Times, &cause, &closed, &a.Why); err != nil {
			return nil, err
		}
		a.At, a.Mends = time.UnixMilli(at).UTC(), cause != ""
		if closed.Valid {
			t := time.UnixMilli(closed.Int64).UTC()
			a.Closed = &t
		}
		out = append(out, a)
	}
	return out, rows.Err()
}
