package command

import "runtime/debug"

// versionCommand is `countersign version`: it prints the release, its revision and the version of Go. It needs no
// instance.
type versionCommand struct{}

// versionDoc is the version in a JSON document.
type versionDoc struct {
	Version  string `json:"version"`            // of the module, "unknown" without build information
	Revision string `json:"revision,omitempty"` // commit
	Go       string `json:"go"`                 // toolchain
}

// Run prints the build information that the Go toolchain has put into the program.
func (versionCommand) Run(r *run) error {
	doc := versionDoc{Version: "unknown"}
	if b, ok := debug.ReadBuildInfo(); ok {
		doc.Version, doc.Go = b.Main.Version, b.GoVersion
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				doc.Revision = s.Value
			}
		}
	}
	return r.show(doc, func(p *page) {
		p.fields("version", "countersign "+doc.Version, "revision", doc.Revision, "go", doc.Go)
	})
}
