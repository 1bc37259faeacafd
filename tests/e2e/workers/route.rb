# A Rack application that routes: which part of it was reached, and with what.
require "rack"
require "rack/handler/fastcgi"

answer = lambda do |route|
  lambda do |env|
    names = %w[SCRIPT_NAME PATH_INFO QUERY_STRING].map { |name| "[#{env[name]}]" }
    [200, { "Content-Type" => "text/plain" }, [[route, *names].join(" ")]]
  end
end

Rack::Handler::FastCGI.run(Rack::Builder.new do
  map("/hello") { run answer.call("hello") }
  map("/") { run answer.call("top") }
end.to_app)
