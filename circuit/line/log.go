package line

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// brokerLog hands the broker's warnings and errors to the post's log, at most twenty a minute: a hostile member can cause as many as
// it likes. Bytes are cut short, so that no content of a message gets there.
type brokerLog struct {
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	died   string
	minute time.Time
	n      int
}

const logsAMinute = 20

func (b *brokerLog) Noticef(string, ...any) {}
func (b *brokerLog) Debugf(string, ...any)  {}
func (b *brokerLog) Tracef(string, ...any)  {}

func (b *brokerLog) Warnf(format string, v ...any)  { b.print(slog.LevelWarn, format, v) }
func (b *brokerLog) Errorf(format string, v ...any) { b.print(slog.LevelWarn, format, v) }

// Fatalf does not end the process, as the broker expects: Start looks at what it said.
func (b *brokerLog) Fatalf(format string, v ...any) {
	b.print(slog.LevelError, format, v)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.died = sprintf(format, v)
}

func (b *brokerLog) fatal() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.died
}

func (b *brokerLog) print(level slog.Level, format string, v []any) {
	b.mu.Lock()
	if now := time.Now(); now.Sub(b.minute) > time.Minute {
		b.minute, b.n = now, 0
	}
	b.n++
	n := b.n
	b.mu.Unlock()
	switch {
	case n < logsAMinute:
		b.log.Log(context.Background(), level, "hub: "+sprintf(format, v))
	case n == logsAMinute:
		b.log.Warn("hub: more warnings in this minute are left out")
	}
}

func sprintf(format string, v []any) string {
	short := make([]any, len(v))
	for i, a := range v {
		if p, ok := a.([]byte); ok && len(p) > 64 {
			a = append(p[:64:64], "..."...)
		}
		short[i] = a
	}
	s := fmt.Sprintf(format, short...)
	if len(s) > 400 {
		s = s[:400] + "..."
	}
	return s
}
