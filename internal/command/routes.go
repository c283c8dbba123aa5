package command

import (
	"log/slog"
	"os"

	"countersign/internal/server"
	"countersign/internal/server/config"
)

// routesCommand is `countersign routes`: it lists every address that the server answers, with the package that
// answers it. It needs no instance and changes none.
type routesCommand struct{}

// routeDoc is a route in a JSON document.
type routeDoc struct {
	Method  string `json:"method"` // "ANY" for every method
	Pattern string `json:"pattern"`
	Package string `json:"package"` // the package, such as api/oidc
	Name    string `json:"name"`    // what the route does
}

// Run opens a server in a temporary folder and asks it for its routes, because they depend on the program and not on
// an instance. The folder is removed afterwards.
func (routesCommand) Run(r *run) error {
	dir, err := os.MkdirTemp("", "countersign-routes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := config.Default(dir)
	cfg.PublicURL = "https://localhost"
	cfg.Complete()
	s, err := server.Open(r.ctx, cfg, server.Options{Now: r.Now, Rand: r.Rand, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	docs := []routeDoc{}
	var rows [][]any
	for _, route := range s.Routes() {
		d := routeDoc{route.Method, route.Pattern, route.Package, route.Name}
		if d.Method == "" {
			d.Method = "ANY"
		}
		docs = append(docs, d)
		rows = append(rows, []any{d.Method, d.Pattern, d.Package, d.Name})
	}
	return r.show(docs, func(p *page) { p.table([]string{"method", "pattern", "package", "what"}, rows) })
}
