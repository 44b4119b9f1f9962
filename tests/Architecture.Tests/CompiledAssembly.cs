using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Architecture.Tests;

/// <summary>What a compiled assembly of ours says about itself, read from its metadata: types, and the types of ours that it uses.</summary>
internal sealed class CompiledAssembly : IDisposable
{
    private readonly PEReader file;
    private readonly MetadataReader metadata;

    private CompiledAssembly(string name)
    {
        Name = name;
        file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{name}.dll")));
        metadata = file.GetMetadataReader();
    }

    internal static string[] Modules { get; } =
        [.. Directory.GetDirectories(Path.Combine(Sources.Root, "src/Modules")).Select(path => Path.GetFileName(path))];

    internal static string[] Ours { get; } = ["Platform", .. Modules, "Portal", "Host"];

    internal string Name { get; }

    internal static CompiledAssembly Open(string name) => new(name);

    /// <summary>Assemblies of ours that this one references.</summary>
    internal IEnumerable<string> References() => AllReferences().Intersect(Ours);

    internal IEnumerable<string> AllReferences() =>
        metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name));

    /// <summary>Types of other assemblies of ours that this one uses, as (assembly, namespace, name).</summary>
    internal IEnumerable<(string Assembly, string Namespace, string Name)> UsedTypes() =>
        from handle in metadata.TypeReferences
        let type = metadata.GetTypeReference(handle)
        where type.ResolutionScope.Kind == HandleKind.AssemblyReference
        let assembly = metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope)
        where Ours.Contains(metadata.GetString(assembly.Name))
        select (metadata.GetString(assembly.Name), metadata.GetString(type.Namespace), metadata.GetString(type.Name));

    /// <summary>Types declared here that are no part of another, without those the compiler makes.</summary>
    internal IEnumerable<(string Namespace, string Name, bool IsPublic)> Types() =>
        from handle in metadata.TypeDefinitions
        let type = metadata.GetTypeDefinition(handle)
        let name = metadata.GetString(type.Name)
        where type.GetDeclaringType().IsNil && !name.Contains('<', StringComparison.Ordinal) && !IsGenerated(type)
        select (metadata.GetString(type.Namespace), name, type.Attributes.HasFlag(System.Reflection.TypeAttributes.Public));

    /// <summary>Methods that are <c>async void</c>: an exception in one ends the process.</summary>
    internal IEnumerable<string> AsyncVoidMethods() =>
        from handle in metadata.MethodDefinitions
        let method = metadata.GetMethodDefinition(handle)
        where method.GetCustomAttributes().Any(attribute => AttributeName(attribute) == "AsyncStateMachineAttribute") && ReturnsVoid(method)
        let type = metadata.GetTypeDefinition(method.GetDeclaringType())
        select $"{metadata.GetString(type.Name)}.{metadata.GetString(method.Name)}";

    public void Dispose() => file.Dispose();

    // A signature is a header byte, the number of generic parameters where it has some, that of parameters, then the type returned.
    private bool ReturnsVoid(MethodDefinition method)
    {
        var signature = metadata.GetBlobReader(method.Signature);
        if (signature.ReadSignatureHeader().IsGeneric)
        {
            signature.ReadCompressedInteger();
        }

        signature.ReadCompressedInteger();
        return signature.ReadSignatureTypeCode() == SignatureTypeCode.Void;
    }

    private bool IsGenerated(TypeDefinition type) =>
        metadata.GetString(type.Namespace).StartsWith("Microsoft.", StringComparison.Ordinal)
        || metadata.GetString(type.Namespace).StartsWith("System.", StringComparison.Ordinal)
        || type.GetCustomAttributes().Any(attribute => AttributeName(attribute) == "CompilerGeneratedAttribute");

    private string AttributeName(CustomAttributeHandle handle) => metadata.GetCustomAttribute(handle).Constructor switch
    {
        { Kind: HandleKind.MemberReference } constructor =>
            metadata.GetMemberReference((MemberReferenceHandle)constructor).Parent is { Kind: HandleKind.TypeReference } type
                ? metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)type).Name)
                : "",
        var constructor => metadata.GetString(metadata.GetTypeDefinition(
            metadata.GetMethodDefinition((MethodDefinitionHandle)constructor).GetDeclaringType()).Name),
    };
}
