package flowkit

import (
	"context"

	"countersign/internal/flow"
)

// LastMoment is a database that runs something once when all of a change is done but its commit.
type LastMoment struct {
	flow.DB
	Do *func()
}

// Write implements flow.DB.
func (d LastMoment) Write(ctx context.Context, change func(flow.Store) error) error {
	return d.DB.Write(ctx, func(st flow.Store) error {
		err := change(st)
		if do := *d.Do; do != nil && err == nil {
			*d.Do = nil
			do()
		}
		return err
	})
}
