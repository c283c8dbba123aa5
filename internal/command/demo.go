package command

import (
	"countersign/internal/demo"
)

type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Address of the pages; port 0 takes a free one." placeholder:"HOST:PORT"`
	Data   string `help:"Keep the data in this folder; without it, it goes away at the end." placeholder:"DIR"`
}

// Run shows the product until it is told to stop.
func (c *demoCommand) Run(r *run) error {
	return demo.Run(r.ctx, demo.Options{
		Listen: c.Listen, DataDir: c.Data, Environ: r.Environ, JSON: r.json, Out: r.Stdout, Now: r.Now, Rand: r.Rand,
	})
}
