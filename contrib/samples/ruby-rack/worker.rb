# Run a Rack application as a FastCGI worker. (rackup -s fastcgi would open a port of its own.)
require "rack"
require "rack/handler/fastcgi"

application, = Rack::Builder.parse_file(ARGV.fetch(0, "config.ru"))
Rack::Handler::FastCGI.run(application)
