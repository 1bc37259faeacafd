// A FastCGI program in C++, with libfcgi++: says what it was asked, and counts the bytes of a body.
#include <cstdlib>
#include <exception>
#include <iostream>

#include <fcgio.h>

namespace {

const char *param(const FCGX_Request &request, const char *name)
{
	const char *value = FCGX_GetParam(name, request.envp);
	return value != nullptr ? value : "";
}

void answer(FCGX_Request &request)
{
	// Streams of this request; std::cin and std::cout are not of use to others.
	fcgi_streambuf in_buffer(request.in), out_buffer(request.out), err_buffer(request.err);
	std::istream in(&in_buffer);
	std::ostream out(&out_buffer), err(&err_buffer);

	char chunk[65536];
	long bytes = 0;
	while (in.read(chunk, sizeof(chunk)), in.gcount() > 0)
		bytes += in.gcount();
	if (bytes < std::atol(param(request, "CONTENT_LENGTH"))) {
		err << "hello: the body ends after " << bytes << " bytes\n";
		out << "Status: 400 Bad Request\r\n\r\n";
		return;
	}
	out << "Content-Type: text/plain\r\n\r\n" << param(request, "REQUEST_METHOD") << ' '
	    << param(request, "REQUEST_URI") << ", " << bytes << " bytes\n";
}

}

int main()
{
	FCGX_Request request;

	// What is the same for all requests is done here, once: settings, tables, a database.
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0) {
		std::cerr << "hello: descriptor 0 is no listening socket\n";
		return 1;
	}
	// libfcgi catches SIGTERM: the request in progress is answered, then this fails. It keeps the
	// connection from one request to the next where it is asked to, as anyfpm does.
	while (FCGX_Accept_r(&request) == 0) {
		try {
			answer(request);
		} catch (const std::exception &e) {
			FCGX_FPrintF(request.err, "hello: %s\n", e.what());
		}
		FCGX_Finish_r(&request);
	}
	return 0;
}
