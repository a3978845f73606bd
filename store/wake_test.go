package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

func notify(topics ...string) func(*store.Tx) error {
	return func(t *store.Tx) error {
		for _, topic := range topics {
			t.Notify(topic)
		}
		return nil
	}
}

func woken(t *testing.T, ch <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("not woken: %s", why)
	}
}

func asleep(t *testing.T, ch <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-ch:
		t.Errorf("woken: %s", why)
	case <-time.After(50 * time.Millisecond):
	}
}

// settle waits until the channel's connection listens, which wakes, and the wakes of the past are over.
func settle(t *testing.T, db *store.DB, ch <-chan struct{}) {
	t.Helper()
	if db.Postgres() {
		woken(t, ch, "the connection has been made")
	}
	settleQuiet(ch)
}

func TestWake(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		a, b := db.Wake(ctx, "a"), db.Wake(ctx, "b")
		settle(t, db, a)
		settleQuiet(b)
		write(t, db, notify("a", "a"))
		woken(t, a, "the topic was named")
		asleep(t, b, "by another topic")
		settled := db.Wake(ctx, "a")
		settle(t, db, settled)
		for range 3 {
			write(t, db, notify("a"))
		}
		woken(t, a, "the topic was named three times")
		db.Write(ctx, func(tx *store.Tx) error { tx.Notify("b"); return errors.New("no") })
		asleep(t, b, "by a transaction that was rolled back")
		db.Read(ctx, notify("b"))
		asleep(t, b, "by a reader")
		cancel()
		time.Sleep(50 * time.Millisecond)
		write(t, db, notify("b"))
		asleep(t, b, "after its context")
		again := db.Wake(t.Context(), "b") // the listening connection had ended; a new one begins
		settle(t, db, again)
		write(t, db, notify("b"))
		woken(t, again, "a second life")
	})
}

func TestWakeOfAnotherProcess(t *testing.T) {
	url := storetest.PostgresURL(t)
	here, there := opened(t, url, nil), opened(t, url, nil)
	ch := here.Wake(t.Context(), "outbox PARIS")
	settle(t, here, ch)
	write(t, there, notify("outbox PARIS"))
	woken(t, ch, "by another process")
	settleQuiet(ch)

	// The connection breaks; what another process does meanwhile is not heard, and so made up for.
	err := there.Write(t.Context(), func(tx *store.Tx) error {
		var ended int
		return tx.QueryRow(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where pid <> pg_backend_pid() and datname = current_database() and query like 'listen%'`).Scan(&ended)
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, there, notify("outbox PARIS"))
	woken(t, ch, "the connection was made again")
	settleQuiet(ch)
	write(t, there, notify("outbox PARIS"))
	woken(t, ch, "by the new connection")
}

// settleQuiet drops the wakes that are still on their way.
func settleQuiet(ch <-chan struct{}) {
	for {
		select {
		case <-ch:
		case <-time.After(200 * time.Millisecond):
			return
		}
	}
}

func TestWakeAfterAnUncertainCommit(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ch := db.Wake(t.Context(), "a")
		settle(t, db, ch)
		db.Fault = func(s store.Stage) error {
			if s == store.AfterCommit {
				return errors.New("no answer")
			}
			return nil
		}
		if err := db.Write(t.Context(), notify("a")); err == nil {
			t.Error("the fault was not told")
		}
		woken(t, ch, "the transaction was kept")
	})
}

func TestWakeAfterSilence(t *testing.T) {
	url := storetest.PostgresURL(t)
	here, err := store.OpenPatiently(t.Context(), url, nil, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there := opened(t, url, nil)
	ch := here.Wake(t.Context(), "a")
	woken(t, ch, "the connection has been made")
	settleQuiet(ch)
	var before, after int
	listener := `select coalesce(min(pid), 0) from pg_stat_activity where datname = current_database() and query in ('listen chancery', '-- ping')`
	write(t, there, func(tx *store.Tx) error { return tx.QueryRow(listener).Scan(&before) })
	time.Sleep(900 * time.Millisecond) // several questions
	write(t, there, func(tx *store.Tx) error { return tx.QueryRow(listener).Scan(&after) })
	if before == 0 || before != after {
		t.Errorf("the listening connection was %d, is %d: silence broke it", before, after)
	}
	write(t, there, notify("a"))
	woken(t, ch, "by another process, after a silence")
}
