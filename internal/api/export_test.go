package api

import "context"

// Look is one round of Watch.
func (o *Outage) Look(ctx context.Context) { o.look(ctx) }
