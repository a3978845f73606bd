package store_test

import (
	"errors"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

func TestPostgresSession(t *testing.T) {
	db := opened(t, storetest.PostgresURL(t), nil)
	for _, run := range []func() (map[string]string, error){
		func() (m map[string]string, err error) {
			err = db.Write(t.Context(), func(tx *store.Tx) error { m, err = settings(tx); return err })
			return
		},
		func() (m map[string]string, err error) {
			err = db.Read(t.Context(), func(tx *store.Tx) error { m, err = settings(tx); return err })
			return
		},
	} {
		m, err := run()
		if err != nil {
			t.Fatal(err)
		}
		if m["idle_in_transaction_session_timeout"] != "30s" || m["lock_timeout"] != "10s" || m["synchronous_commit"] != "on" || m["TimeZone"] != "UTC" {
			t.Errorf("session: %v", m)
		}
		if m["transaction_read_only"] == "on" && m["transaction_isolation"] != "repeatable read" {
			t.Errorf("reading: %v", m)
		}
	}
}

func settings(tx *store.Tx) (map[string]string, error) {
	m := map[string]string{}
	for _, name := range []string{"idle_in_transaction_session_timeout", "lock_timeout", "synchronous_commit", "TimeZone", "transaction_isolation", "transaction_read_only"} {
		var v string
		if err := tx.QueryRow(`select current_setting($1)`, name).Scan(&v); err != nil {
			return nil, err
		}
		m[name] = v
	}
	return m, nil
}

func TestPostgresIsMadeDurable(t *testing.T) {
	url := storetest.PostgresURL(t) + "&synchronous_commit=off"
	db := opened(t, url, nil)
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		m, err := settings(tx)
		if m["synchronous_commit"] != "on" {
			t.Errorf("synchronous_commit is %s", m["synchronous_commit"])
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPostgresRowLocked(t *testing.T) {
	url := storetest.PostgresURL(t)
	here := opened(t, url, nil)
	there, err := store.OpenPatiently(t.Context(), url, nil, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	write(t, here, put("PARIS", 1))
	take := func(tx *store.Tx) error {
		var next int
		return tx.QueryRow(`select next from tally where name = $1 for update`, "PARIS").Scan(&next)
	}
	write(t, here, func(tx *store.Tx) error {
		if err := take(tx); err != nil {
			return err
		}
		if err := there.Write(t.Context(), take); !errors.Is(err, store.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		return nil
	})
	write(t, there, take)
}

func TestPostgresForeign(t *testing.T) {
	url := storetest.PostgresURL(t)
	db := opened(t, url, nil)
	write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`drop table chancery_schema`)
		return err
	})
	if db, err := store.Open(t.Context(), url, nil); !errors.Is(err, store.ErrForeign) {
		t.Errorf("got %v, %v, want ErrForeign", db, err)
	}
}
