package post

import (
	"context"
	"fmt"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
)

// Recover looks whether what is on disk hangs together, and says what goes on. It is run at every start, since a start after a crash is no
// other: nothing is kept in memory that is not also in the database.
//
//   - Released and not registered: registered now. Registered and not sealed: sealed when the circuit can take it.
//   - Sealed and without a receipt, whether or not a byte left: the same bytes are carried once more.
//   - Received and not receipted back: the sender carries it again and is answered with its receipt.
//   - Some sections of a telegram: kept until the others come.
//
// It refuses to go on when the register does not match its last checkpoint: somebody changed it, or part of the disk is older than the rest.
func (p *Post) Recover(ctx context.Context) error {
	verifiers, err := p.registerVerifiers()
	if err != nil {
		return err
	}
	return p.db.Read(ctx, func(tx *store.Tx) error {
		if err := register.CheckHead(tx, p.origin(), verifiers); err != nil {
			return fmt.Errorf("this post's register is not as it was left: %w. Nothing was sent or changed. Run  chancery register verify  to see what was changed, and keep the disk as it is", err)
		}
		released, err := desk.Next(tx, p.config.Batch)
		if err != nil {
			return err
		}
		backlog, err := circuit.Backlog(tx)
		if err != nil {
			return err
		}
		open := 0
		for _, n := range backlog {
			open += n
		}
		p.config.Log.Info("the register is as it was left", "released and not registered", len(released), "without a receipt", open)
		return nil
	})
}
