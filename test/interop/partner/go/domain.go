package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

const kid = "partner-jwt"

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// domain is a small trust domain: X.509 authorities, of which the oldest signs, and one JWT authority.
type domain struct {
	id         spiffeid.TrustDomain
	endpointID spiffeid.ID
	bundle     *spiffebundle.Bundle
	jwtKey     *ecdsa.PrivateKey
	// Orders change them while the endpoint answers.
	changing    sync.Mutex
	authorities []authority
}

func newDomain(td spiffeid.TrustDomain) (*domain, error) {
	jwtKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	endpointID, err := spiffeid.FromSegments(td, "bundle", "endpoint")
	if err != nil {
		return nil, err
	}
	own := &domain{id: td, endpointID: endpointID, bundle: spiffebundle.New(td), jwtKey: jwtKey}
	own.bundle.SetRefreshHint(time.Minute)
	if err := own.bundle.AddJWTAuthority(kid, jwtKey.Public()); err != nil {
		return nil, err
	}
	return own, own.prepare()
}

// prepare publishes one more authority, which signs nothing yet.
func (d *domain) prepare() error {
	d.changing.Lock()
	defer d.changing.Unlock()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := certificate(d.id.ID().URL())
	template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	template.Subject = pkix.Name{CommonName: d.id.Name(), SerialNumber: template.SerialNumber.String()}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	d.authorities = append(d.authorities, authority{parsed, key})
	d.bundle.AddX509Authority(parsed)
	d.count()
	return nil
}

// retire takes every authority but the newest out of the bundle; that one signs from here on.
func (d *domain) retire() {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.authorities = d.authorities[len(d.authorities)-1:]
	d.bundle.SetX509Authorities([]*x509.Certificate{d.authorities[0].certificate})
	d.count()
}

func (d *domain) count() {
	sequence, _ := d.bundle.SequenceNumber()
	d.bundle.SetSequenceNumber(sequence + 1)
}

func certificate(uri *url.URL) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, URIs: []*url.URL{uri}, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
}

func (d *domain) leaf(id spiffeid.ID) (*tls.Certificate, error) {
	d.changing.Lock()
	active := d.authorities[0]
	d.changing.Unlock()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate(id.URL()), active.certificate, key.Public(), active.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (d *domain) endpointCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return d.leaf(d.endpointID)
}

// token prints a JWT-SVID of this trust domain: the only token that any client of the suite prints, and nobody's but the suite's.
func (d *domain) token(audience string) error {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader(jose.HeaderKey("kid"), kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: d.jwtKey}, options)
	if err != nil {
		return err
	}
	claims := jwt.Claims{
		Subject: d.id.IDString() + "/caller", Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(5 * time.Minute)),
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return err
	}
	say(object{"event": "token", "token": text})
	return nil
}

// handOver writes bundle.json, and svid.pem with svid_key.pem of the workload /caller.
func (d *domain) handOver(folder string) error {
	document, err := d.bundle.Marshal()
	if err != nil {
		return err
	}
	caller, err := spiffeid.FromSegments(d.id, "caller")
	if err != nil {
		return err
	}
	svid, err := d.leaf(caller)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(svid.PrivateKey)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"bundle.json": document, "svid.pem": encoded("CERTIFICATE", svid.Certificate[0]), "svid_key.pem": encoded("PRIVATE KEY", key),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// webCertificate is one for localhost, by an authority that is written to a file.
func webCertificate(authorityFile string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := certificate(nil)
	ca.URIs, ca.IsCA, ca.KeyUsage, ca.Subject = nil, true, x509.KeyUsageCertSign, pkix.Name{CommonName: "web"}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := certificate(nil)
	leaf.URIs, leaf.DNSNames = nil, []string{"localhost"}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	pair := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: crypto.PrivateKey(key)}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }, os.WriteFile(authorityFile, encoded("CERTIFICATE", root), 0o600)
}

func encoded(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
