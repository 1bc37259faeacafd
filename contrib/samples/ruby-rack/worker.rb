# Run a Rack application as a FastCGI worker. (rackup -s fastcgi would open a port of its own.)
require "rack"
require "rack/handler/fastcgi"

# Rack 2.2.22 leaves the file that holds a body until Ruby collects garbage, and for ever where the
# worker is killed: it should go with its request, as on systems that cannot remove open files.
class Rack::RewindableInput
  private def filesystem_has_posix_semantics? = false
end

application, = Rack::Builder.parse_file(ARGV.fetch(0, "config.ru"))
Rack::Handler::FastCGI.run(application)
