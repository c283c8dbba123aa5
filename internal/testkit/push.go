package testkit

import (
	"testing"

	"countersign/internal/adapter/webpush/pushtest"
	"countersign/internal/server/config"
)

// PushService starts a push service on loopback that ends with the test. The option allows a program to call it,
// which the rules for push hosts otherwise forbid.
func PushService(t testing.TB) (*pushtest.Service, Option) {
	s := pushtest.Start(t)
	return s, Configure(func(c *config.Config) { c.Push.AllowHosts = append(c.Push.AllowHosts, s.Host) })
}
