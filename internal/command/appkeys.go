package command

import (
	"cmp"

	"countersign/internal/domain/application"
)

// clientCA is the file on a client's host that its printed configuration names as the authority to trust.
const clientCA = "/etc/security/countersign-ca.pem"

// keys prints the key and secret of an application as its client's own configuration takes them: a file of
// Duo Unix, or the settings of an SDK.
func (in *instance) keys(p *page, d appDoc) {
	switch application.Type(d.Type) {
	case application.TypeUnix:
		p.line("app.keys.unix")
		p.raw("\n[duo]\nhost = " + d.APIHost + "\nikey = " + d.IKey + "\nskey = " + d.SKey +
			"\ncafile = " + clientCA + "\nfailmode = secure\npushinfo = yes\n\n")
		p.line("app.keys.ca", "file", clientCA, "own", cmp.Or(in.caFile, label("ca_elsewhere")))
	case application.TypeAuthAPI, application.TypeWebSDK2:
		p.raw("ikey = " + d.IKey + "\nskey = " + d.SKey + "\napi_host = " + d.APIHost + "\n")
		if d.Type == string(application.TypeWebSDK2) {
			p.line("app.keys.akey")
		}
	default:
		p.fields("client_id", d.ClientID, "client_secret", d.ClientSecret, "api_host", d.APIHost)
	}
}
