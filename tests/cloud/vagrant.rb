# SPDX-License-Identifier: Apache-2.0
# Carries a Vagrantfile out without Vagrant, and prints as JSON what it asked
# for: ruby vagrant.rb VAGRANTFILE
require "json"

# Notes each assignment and call of a part of the configuration.
class Part
  attr_reader :seen

  def initialize
    @seen = Hash.new { |h, k| h[k] = [] }
    @vmx = {}
  end

  def vmx
    @seen["vmx"] = @vmx
  end

  def respond_to_missing?(*)
    true
  end

  def method_missing(name, *arguments)
    return @seen[name.to_s.delete_suffix("=")] = arguments.first if name.end_with?("=")

    @seen[name.to_s] << arguments
  end
end

# `config.vm`, whose provider blocks are carried out too.
class Machine < Part
  def provider(name)
    own = Part.new
    override = Struct.new(:vm).new(Part.new)
    yield own, override
    @seen["provider"] << [name, own.seen, override.vm.seen]
  end
end

module Vagrant
  MACHINE = Machine.new

  def self.configure(version)
    raise "version #{version}" unless version == "2"

    yield Struct.new(:vm).new(MACHINE)
  end
end

load File.expand_path(ARGV.fetch(0))
puts JSON.generate(Vagrant::MACHINE.seen)
