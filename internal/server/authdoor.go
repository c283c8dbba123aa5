package server

import (
	"context"
	"fmt"
	"io/fs"

	"countersign/internal/api/attempt"
	"countersign/internal/api/auth"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/flow/directory"
	"countersign/internal/site/web"
)

// authDoor is the door of the Auth API.
func (s *Server) authDoor() (*auth.Door, error) {
	logo, err := fs.ReadFile(web.Static(), "icon-192.png")
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	return &auth.Door{Engine: s.engine(), Applications: s.DB.Read(), Registrar: s.Enroll, Hosts: s.failModes, BypassCodes: s.bypassCodes,
		PublicURL: s.Config.PublicURL, Logo: logo}, nil
}

// engine is what runs the attempts of one door for programs.
func (s *Server) engine() attempt.Engine {
	return attempt.Engine{SignIn: s.SignIn, Enroll: s.Enroll, Keys: doorKeys{s.Keys, attempt.Digests}, Now: s.now, Rand: s.rand, Log: s.Log, Outage: s.outage, Deadline: s.deadline}
}

// bypassCodes makes codes for a person whom an application has just registered.
func (s *Server) bypassCodes(ctx context.Context, app application.Application, username string, n int) ([]string, error) {
	by := audit.ByProgram(app.ID, "API", audit.OverPeople)
	var codes []string
	for range n {
		r := directory.NewBypassRequest()
		r.PreserveExisting = true
		made, err := s.Directory.MakeBypassCode(ctx, by, username, r)
		if err != nil {
			return nil, err
		}
		codes = append(codes, made.Code.Reveal())
	}
	return codes, nil
}
