package post

import (
	"context"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
)

// Backlog is what this post still has to do.
type Backlog struct {
	Released int `json:"released"` // released and not registered, at most a batch counted
	Open     int `json:"open"`     // registered and without a receipt, each post counted
}

// Backlog counts what this post still has to do.
func (p *Post) Backlog(ctx context.Context) (b Backlog, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		released, err := desk.Next(tx, p.config.Batch)
		if err != nil {
			return err
		}
		open, err := circuit.Backlog(tx)
		if err != nil {
			return err
		}
		b.Released = len(released)
		for _, n := range open {
			b.Open += n
		}
		return nil
	})
	return b, err
}
