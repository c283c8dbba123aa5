package flowkit

import (
	"context"
	"errors"

	"countersign/internal/flow"
)

// Twice rolls back the first run of every change and runs it again, as a database does after a serialization
// failure. A flow must reach the same result as with one run.
type Twice struct{ flow.DB }

// errAgain rolls back the first run of a change.
var errAgain = errors.New("rolled back to be run again")

// Write implements flow.DB.
func (d Twice) Write(ctx context.Context, change func(flow.Store) error) error {
	err := d.DB.Write(ctx, func(st flow.Store) error {
		if err := change(first{st}); err != nil {
			return err
		}
		return errAgain
	})
	if err != nil && !errors.Is(err, errAgain) {
		return err
	}
	return d.DB.Write(ctx, change)
}

// first is the store of the change that is rolled back: what would end it for good does not come about.
type first struct{ flow.Store }

// SnapshotByGrant implements flow.Store.
func (first) SnapshotByGrant(context.Context, []byte) (flow.Snapshot, error) {
	return flow.Snapshot{}, errAgain
}
