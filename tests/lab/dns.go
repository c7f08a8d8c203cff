// dns answers for the names of a cluster, as its DNS Pods do: the lab's stand-in for CoreDNS, which Debian does not have.
//
// It runs where the CoreDNS image would, with that Deployment's account, probes and port. A name SERVICE.NAMESPACE.svc.cluster.local
// is looked up in the API when it is asked for, and nothing is kept. Other names are a server failure: the lab has no Internet.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount/"
	domain   = ".svc.cluster.local"
	typeA    = 1
	noError  = 0
	failure  = 2
	unknown  = 3
	position = 0xc00c // Where the name of the question is.
)

type list struct {
	Items []struct {
		Spec    struct{ ClusterIP string }
		Subsets []struct{ Addresses []struct{ IP string } }
	}
}

var client = &http.Client{Timeout: time.Second}

func main() {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	for _, probe := range []string{":8080", ":8181"} {
		go func(at string) { log.Fatal(http.ListenAndServe(at, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))) }(probe)
	}
	socket, err := net.ListenPacket("udp", ":53")
	if err != nil {
		log.Fatal(err)
	}
	for {
		message := make([]byte, 512)
		length, from, err := socket.ReadFrom(message)
		if err != nil {
			continue
		}
		go func() {
			if answer := answer(message[:length]); answer != nil {
				socket.WriteTo(answer, from)
			}
		}()
	}
}

// answer makes a response of a question (RFC 1035, 4.1).
func answer(message []byte) []byte {
	name, end := name(message)
	if name == "" || end+4 > len(message) {
		return nil
	}
	addresses, code := lookUp(strings.ToLower(name))
	if message[end+1] != typeA {
		addresses = nil
	}
	response := append([]byte{}, message[:end+4]...)
	response[2], response[3] = 0x84|message[2]&1, 0x80|byte(code)
	copy(response[4:], []byte{0, 1, 0, byte(len(addresses)), 0, 0, 0, 0})
	for _, address := range addresses {
		response = append(response, position>>8, position&0xff, 0, typeA, 0, 1, 0, 0, 0, 5, 0, 4)
		response = append(response, address...)
	}
	return response
}

// name reads the name of the question, and where it ends.
func name(message []byte) (string, int) {
	var labels []string
	at := 12
	for at < len(message) && message[at] != 0 {
		end := at + 1 + int(message[at])
		if message[at] > 63 || end >= len(message) {
			return "", 0
		}
		labels = append(labels, string(message[at+1:end]))
		at = end
	}
	return strings.Join(labels, "."), at + 1
}

func lookUp(name string) ([]net.IP, int) {
	parts := strings.Split(strings.TrimSuffix(name, domain), ".")
	if !strings.HasSuffix(name, domain) {
		if strings.HasSuffix(name, "cluster.local") {
			return nil, unknown
		}
		return nil, failure
	}
	if len(parts) != 2 {
		return nil, unknown
	}
	services, err := read(parts[1], "services", parts[0])
	if err != nil {
		log.Print(err)
		return nil, failure
	}
	var found []net.IP
	for _, service := range services.Items {
		if service.Spec.ClusterIP != "None" {
			return []net.IP{net.ParseIP(service.Spec.ClusterIP).To4()}, noError
		}
		endpoints, _ := read(parts[1], "endpoints", parts[0])
		for _, one := range endpoints.Items {
			for _, subset := range one.Subsets {
				for _, address := range subset.Addresses {
					if ip := net.ParseIP(address.IP).To4(); ip != nil && len(found) < 20 {
						found = append(found, ip)
					}
				}
			}
		}
		return found, noError
	}
	return nil, unknown
}

// read lists objects of one name: CoreDNS may list and watch, and not get.
func read(namespace, plural, name string) (list, error) {
	var found list
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return found, err
	}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	path := "/api/v1/namespaces/" + namespace + "/" + plural + "?fieldSelector=metadata.name%3D" + name
	request, err := http.NewRequest("GET", "https://"+server+path, nil)
	if err != nil {
		return found, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return found, err
	}
	defer response.Body.Close()
	return found, json.NewDecoder(response.Body).Decode(&found)
}
