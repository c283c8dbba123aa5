package command

// Demo is what `countersign demo` was asked for.
type Demo struct {
	Listen  string // HOST:PORT of the pages; port 0 takes a free one
	DataDir string // kept afterwards; "" = a folder that is removed at the end
	JSON    bool   // one line of JSON when ready
}

// demoCommand is `countersign demo`: it runs the whole product on this machine, with a sample application, people
// and virtual phones. It needs no configuration and no instance, and touches none.
type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" help:"Address of the pages; port 0 takes a free one." placeholder:"HOST:PORT"`
	Data   string `help:"Keep the data in this folder; without it, it goes away at the end." placeholder:"DIR"`
}

// Run shows the product until the context ends.
func (c *demoCommand) Run(r *run) error {
	return r.Demo(r.ctx, Demo{Listen: c.Listen, DataDir: c.Data, JSON: r.json})
}
