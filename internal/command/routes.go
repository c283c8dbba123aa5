package command

import (
	"log/slog"
	"os"

	"countersign/internal/server"
	"countersign/internal/server/config"
)

type routesCommand struct{}

type routeDoc struct {
	Method  string `json:"method"` // ANY for all
	Pattern string `json:"pattern"`
	Room    string `json:"room"`
	Name    string `json:"name"`
}

// Run lists every address with the package that answers it. The addresses are the program's, not an instance's: it
// asks a program of its own in a folder that goes away, so looking needs no instance and changes none.
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
		d := routeDoc{route.Method, route.Pattern, route.Room, route.Name}
		if d.Method == "" {
			d.Method = "ANY"
		}
		docs = append(docs, d)
		rows = append(rows, []any{d.Method, d.Pattern, d.Room, d.Name})
	}
	return r.show(docs, func(p *page) { p.table([]string{"method", "pattern", "room", "what"}, rows) })
}
