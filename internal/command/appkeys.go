package command

import (
	"cmp"

	"countersign/internal/domain/application"
)

// clientCA is where the file of a host says its authority's certificate is.
const clientCA = "/etc/security/countersign-ca.pem"

// keys prints what a client is configured with, in the form in which that client takes it.
func (o *office) keys(p *page, d appDoc) {
	switch application.Type(d.Type) {
	case application.TypeUnix:
		p.line("app.keys.unix")
		p.raw("\n[duo]\nhost = " + d.APIHost + "\nikey = " + d.IKey + "\nskey = " + d.SKey +
			"\ncafile = " + clientCA + "\nfailmode = secure\npushinfo = yes\n\n")
		p.line("app.keys.ca", "file", clientCA, "own", cmp.Or(o.caFile, label("ca_elsewhere")))
	case application.TypeAuthAPI, application.TypeWebSDK2:
		p.raw("ikey = " + d.IKey + "\nskey = " + d.SKey + "\napi_host = " + d.APIHost + "\n")
		if d.Type == string(application.TypeWebSDK2) {
			p.line("app.keys.akey")
		}
	default:
		p.fields("client_id", d.ClientID, "client_secret", d.ClientSecret, "api_host", d.APIHost)
	}
}
