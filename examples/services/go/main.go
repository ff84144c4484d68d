// Answers one agent and refuses every other, by its X509-SVID, with go-spiffe.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

func main() {
	source, err := workloadapi.NewX509Source(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	agent := spiffeid.RequireFromString(os.Args[1])
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		caller, _ := x509svid.IDFromCert(request.TLS.PeerCertificates[0]) // verified by the handshake
		fmt.Fprintf(response, "hello %s\n", caller)
	})
	tls := tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeID(agent))
	tls.SessionTicketsDisabled = true // a resumed session would not be checked again
	log.Print("listening")
	log.Fatal((&http.Server{Addr: "localhost:" + os.Args[2], TLSConfig: tls}).ListenAndServeTLS("", ""))
}
