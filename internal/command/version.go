package command

import "runtime/debug"

type versionCommand struct{}

type versionDoc struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

// Run prints what the build recorded about itself.
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
