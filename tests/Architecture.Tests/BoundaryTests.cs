using Xunit;

namespace Architecture.Tests;

/// <summary>Who may know whom: Platform nobody, a module Platform and the contracts of others, Portal these too, Host everybody.</summary>
public sealed class BoundaryTests
{
    public static TheoryData<string> Modules => [.. CompiledAssembly.Modules];

    public static TheoryData<string> Assemblies => [.. CompiledAssembly.Ours];

    [Fact]
    public void Platform_knows_nothing_of_ours()
    {
        using var platform = CompiledAssembly.Open("Platform");
        Assert.Empty(platform.References());
    }

    [Theory]
    [MemberData(nameof(Modules))]
    public void A_module_knows_Platform_and_contracts_of_other_modules_only(string name)
    {
        using var module = CompiledAssembly.Open(name);
        Assert.NotEmpty(module.UsedTypes());
        Assert.DoesNotContain(
            module.UsedTypes(), type => type.Assembly != "Platform" && type.Namespace != $"{type.Assembly}.Contracts");
    }

    [Fact]
    public void Portal_knows_Platform_and_contracts_only_and_neither_events_nor_the_database()
    {
        using var portal = CompiledAssembly.Open("Portal");
        Assert.Contains(portal.UsedTypes(), type => type.Namespace == "Albums.Contracts");
        Assert.DoesNotContain(
            portal.UsedTypes(), type => type.Assembly != "Platform" && type.Namespace != $"{type.Assembly}.Contracts");
        Assert.DoesNotContain(portal.UsedTypes(), type => type.Name is "EventStore" or "AlbumCompleted" or "AlbumFailed" or "UploadCompleted");
        Assert.DoesNotContain(portal.AllReferences(), name => name == "Npgsql");
    }

    [Fact]
    public void No_page_or_component_is_longer_than_120_lines() =>
        Assert.Empty(Sources.Pages().Where(file => file.Text.AsSpan().Count('\n') > 120).Select(file => file.Path));

    [Theory]
    [MemberData(nameof(Modules))]
    public void A_module_shows_its_contracts_and_its_wiring_only(string name)
    {
        using var module = CompiledAssembly.Open(name);
        var shown = module.Types().Where(type => type.IsPublic).ToArray();
        Assert.Contains(($"{name}", $"{name}Module", true), shown);
        Assert.DoesNotContain(
            shown, type => type.Namespace != $"{name}.Contracts" && (type.Namespace, type.Name) != (name, $"{name}Module"));
    }

    [Fact]
    public void Host_is_composition_without_namespaces_of_its_own()
    {
        using var host = CompiledAssembly.Open("Host");
        Assert.Equal(["", "Host"], host.Types().Select(type => type.Namespace).Distinct().Order());
        Assert.True(Sources.Read("src/Host/Program.cs").AsSpan().Count('\n') < 60, "Program.cs has 60 lines or more.");
    }

    [Fact]
    public void Host_uses_of_a_module_nothing_but_its_wiring_and_contracts()
    {
        using var host = CompiledAssembly.Open("Host");
        Assert.DoesNotContain(
            host.UsedTypes(),
            type => type.Assembly != "Platform" && type.Namespace != $"{type.Assembly}.Contracts" && type.Name != $"{type.Assembly}Module");
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_method_is_async_void(string name)
    {
        using var assembly = CompiledAssembly.Open(name);
        Assert.Empty(assembly.AsyncVoidMethods());
    }
}
